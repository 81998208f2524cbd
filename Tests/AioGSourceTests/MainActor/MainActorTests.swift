// The main actor under GLib: each case runs in a process of its own, on its main thread, once with each setup.

import AioGSource
import Testing

extension AllTests {
  @Suite struct MainActorTests {
    /// A mechanism; and after a colon, with the main executor, what runs code of no actor.
    static let setups = ["dispatch", "mainExecutor:platform", "mainExecutor:mainContext"]

    /// As the program lists them.
    static let cases = [
      "jobs-from-other-threads", "task-from-main", "job-before-the-loop", "task-sleep", "hops",
      "cancelled-sleep", "yielding-job", "hops-leave-others-their-turn",
      "main-queue-async", "main-queue-order", "main-queue-sync-from-a-thread",
      "main-queue-async-after", "main-queue-timer", "main-queue-block-that-comes-back",
      "callbacks-are-isolated", "continuation-from-a-context", "task-from-a-callback",
      "all-interleave",
      "nested-in-a-callback", "nested-in-a-job", "nested-in-a-job-in-a-nested-loop",
      "nested-in-a-main-queue-block", "context-iteration-in-a-job",
      "remove-and-install-again", "remove-in-a-job", "another-main-context", "installed-twice",
      "foundation-is-not-linked", "an-executor-after-the-first-task",
      "where-nonisolated-code-runs",
      "application", "bus-calls",
      "idle-second", "idle-second-with-a-waiting-job",
    ]
    /// Those that end in a trap.
    static let traps = ["run-by-another-thread", "callbacks-elsewhere-are-not"]

    /// What a suite says first: the mechanism that runs.
    static func greeting(_ setup: String) -> String {
      "mechanism: \(setup.split(separator: ":")[0])\n"
    }

    @Test(arguments: setups, cases)
    func itWorks(_ setup: String, _ name: String) throws {
      let outcome = try Program("MainActorSuite", ["--mechanism", setup, name]).outcome()
      #expect(outcome.status == 0, "\(outcome.complaint)")
      #expect(outcome.output == Self.greeting(setup))
    }

    @Test func noCaseIsLeftOut() throws {
      let outcome = try Program("MainActorSuite", ["--list"]).outcome()
      let listed = outcome.output.split(separator: "\n").map(String.init)
      #expect(Set(listed) == Set(Self.cases + Self.traps))
      #expect(listed.count == Self.cases.count + Self.traps.count)
    }

    @Test(arguments: setups)
    func anotherThreadCannotRunTheMainActor(_ setup: String) throws {
      let outcome = try Program("MainActorSuite", ["--mechanism", setup, Self.traps[0]]).outcome()
      // A sanitizer makes a status of its own of the signal.
      #expect(outcome.status != 0 && outcome.status != 1)
      #expect(outcome.output == Self.greeting(setup))
      #expect(
        outcome.complaint.contains("was run by another thread than the main thread"),
        "\(outcome.complaint.prefix(600))")
    }

    @Test(arguments: setups)
    func callbacksOfOtherThreadsAreNotOnIt(_ setup: String) throws {
      let outcome = try Program("MainActorSuite", ["--mechanism", setup, Self.traps[1]]).outcome()
      // A sanitizer makes a status of its own of the signal.
      #expect(outcome.status != 0 && outcome.status != 1)
      #expect(outcome.output == Self.greeting(setup))
    }

    @Test(arguments: setups)
    func anAsynchronousMainRunsGLibWhileItIsSuspended(_ setup: String) throws {
      let outcome = try Program("AsyncMainProgram", [setup]).outcome()
      #expect(outcome.status == 0, "\(outcome.complaint.prefix(600))")
      #expect(outcome.output == Self.greeting(setup) + "done\n")
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
