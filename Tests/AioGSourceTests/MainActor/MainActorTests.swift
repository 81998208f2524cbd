// The main actor under GLib: each case runs in a process of its own, on its main thread, once for each mechanism.

import AioGSource
import Testing

extension AllTests {
  @Suite struct MainActorTests {
    static let mechanisms: [MainActorBridge.Mechanism] = [.dispatch]

    /// As the program lists them.
    static let cases = [
      "jobs-from-other-threads", "task-from-main", "job-before-the-loop", "task-sleep", "hops",
      "cancelled-sleep", "yielding-job",
      "main-queue-async", "main-queue-order", "main-queue-sync-from-a-thread",
      "main-queue-async-after", "main-queue-timer",
      "callbacks-are-isolated", "continuation-from-a-context", "task-from-a-callback",
      "all-interleave",
      "nested-in-a-callback", "nested-in-a-job", "nested-in-a-job-in-a-nested-loop",
      "nested-in-a-main-queue-block", "context-iteration-in-a-job",
      "remove-and-install-again", "remove-in-a-job", "another-main-context", "installed-twice",
      "foundation-is-not-linked",
      "application", "bus-calls",
      "idle-second", "idle-second-with-a-waiting-job",
    ]
    /// Those that end in a trap.
    static let traps = ["run-by-another-thread"]

    private func run(_ name: String, _ mechanism: MainActorBridge.Mechanism) throws
      -> Program.Outcome
    {
      try Program("MainActorSuite", ["--mechanism", mechanism.rawValue, name]).outcome()
    }

    @Test(arguments: mechanisms, cases)
    func itWorks(_ mechanism: MainActorBridge.Mechanism, _ name: String) throws {
      let outcome = try run(name, mechanism)
      #expect(outcome.status == 0, "\(outcome.complaint)")
      // It is the one that ran.
      #expect(outcome.output == "mechanism: \(mechanism.rawValue)\n")
    }

    @Test func noCaseIsLeftOut() throws {
      let outcome = try Program("MainActorSuite", ["--list"]).outcome()
      let listed = outcome.output.split(separator: "\n").map(String.init)
      #expect(Set(listed) == Set(Self.cases + Self.traps))
      #expect(listed.count == Self.cases.count + Self.traps.count)
    }

    @Test(arguments: mechanisms)
    func anotherThreadCannotRunTheMainActor(_ mechanism: MainActorBridge.Mechanism) throws {
      let outcome = try run("run-by-another-thread", mechanism)
      #expect(outcome.status < 0)
      #expect(outcome.output == "mechanism: \(mechanism.rawValue)\n")
      #expect(
        outcome.complaint.contains("was run by another thread than the main thread"),
        "\(outcome.complaint.prefix(600))")
    }

    @Test func anAsynchronousMainRunsGLibWhileItIsSuspended() throws {
      let outcome = try Program("AsyncMainProgram", []).outcome()
      #expect(outcome.status == 0, "\(outcome.complaint.prefix(600))")
      #expect(outcome.output == "done\n")
    }

    @Test func anotherThreadCannotInstall() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        TestThread { _ = try? MainActorBridge.install() }.join()
      }
      expectSentence("was called by another thread than the main thread", in: result)
    }
  }
}
