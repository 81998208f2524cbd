// Calls that wait for the server: others go on meanwhile, and each gets its answer, at the end too.

import Glibc
import Testing

@Suite(
  .serialized, .timeLimit(.minutes(2)),
  .enabled(if: Installed.all, "dbus-daemon or gdbus is not installed"))
struct BusCallsTests {
  let bus: PrivateBus
  let server: Child

  init() throws {
    bus = try PrivateBus()
    server = try bus.server("--empty")
  }

  @Test func callsThatWaitDoNotHoldOthers() throws {
    let first = try bus.begin("AddExport", ["/held", "first", "true"])
    // It waits for the other.
    #expect(try bus.call("RemoveExport", "await-held") == "()")
    #expect(try bus.call("ListExports") == "(@aa{sv} [],)")
    #expect(try bus.call("RemoveExport", "release-held") == "()")
    #expect(PrivateBus.answer(to: first).hasPrefix("({'name': <'first'>, 'path': <'/held'>"))
  }

  @Test func eachOfTwoCallsAtOnceGetsItsOwnAnswer() throws {
    // The one that waits for the other comes first.
    let release = try bus.begin("RemoveExport", ["release-held"])
    let calls = try ["one", "two"].map { try bus.begin("AddExport", ["/held", $0, "false"]) }
    #expect(PrivateBus.answer(to: release) == "()")
    #expect(try bus.call("RemoveExport", "release-held") == "()")
    #expect(PrivateBus.answer(to: calls[0]).hasPrefix("({'name': <'one'>"))
    #expect(PrivateBus.answer(to: calls[1]).hasPrefix("({'name': <'two'>"))
  }

  @Test func aCallerThatIsGoneHarmsNobody() throws {
    let caller = try bus.begin("AddExport", ["/held", "orphan", "true"])
    #expect(try bus.call("RemoveExport", "await-held") == "()")
    caller.send(SIGKILL)
    #expect(caller.outcome().status == -SIGKILL)
    #expect(try bus.call("RemoveExport", "release-held") == "()")
    #expect(try bus.call("ListExports").hasPrefix("([{'name': <'orphan'>"))
  }

  @Test func stoppingGivesTheNameUpAndAnswersWhatIsUnderWay() throws {
    let owner = try bus.owner()
    let held = try bus.begin("AddExport", ["/held", "", "true"])
    #expect(try bus.call("RemoveExport", "await-held") == "()")
    server.send(SIGUSR1)
    #expect(try server.line() == "leaving")
    // It is there for the call that it holds, and for nobody else.
    #expect(try bus.isWithoutOwner())
    let late = try bus.begin("ListExports", [], of: owner)
    #expect(PrivateBus.answer(to: late).contains(".UnknownMethod: "))
    server.send(SIGUSR1)
    #expect(
      PrivateBus.answer(to: held)
        == "Error: GDBus.Error:org.aiogsource.Nbd1.Error.ShuttingDown: the server is shutting down")
    #expect(try server.line() == "stopped")
    let later = try bus.begin("ListExports", [], of: owner)
    #expect(PrivateBus.answer(to: later).contains(".ServiceUnknown: "))
    // And back.
    server.send(SIGUSR1)
    #expect(try server.line() == "started")
    #expect(try bus.call("ListExports") == "(@aa{sv} [],)")
    server.send(SIGTERM)
    #expect(server.outcome().status == 0)
  }
}
