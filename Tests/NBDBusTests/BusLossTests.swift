// No bus, a bus that is gone, and a name that is taken: one line, and the server is as it was.

import Glibc
import Testing

@Suite(.serialized) struct BusLossTests {
  @Suite(
    .serialized, .timeLimit(.minutes(2)),
    .enabled(if: Installed.all, "dbus-daemon or gdbus is not installed"))
  struct WithABus {
    let bus: PrivateBus

    init() throws {
      bus = try PrivateBus()
    }

    @Test func aNameThatIsTakenStaysWithItsOwner() throws {
      let first = try bus.server("--empty")
      let second = try Child([Installed.product("NBDBusProgram")], bus: bus.address).outcome()
      #expect(second.status == 3)
      #expect(
        second.output == """
          failed: another program has the name org.aiogsource.Nbd1 on the session bus

          """)
      #expect(try bus.call("ListExports") == "(@aa{sv} [],)")
      first.send(SIGUSR1)
      #expect(try first.line() == "leaving")
      #expect(try first.line() == "stopped")
      #expect(try bus.isWithoutOwner())
    }

    @Test func theServerOutlivesTheBus() throws {
      let server = try bus.server()
      bus.daemon.send(SIGKILL)
      let line = try server.line()
      #expect(line.hasPrefix("log: the session bus is gone, and with it org.aiogsource.Nbd1"))
      server.send(SIGTERM)
      let outcome = server.outcome()
      #expect(outcome.status == 0)
      #expect(outcome.output == "", "one line is enough")
    }
  }

  /// Its greeting is one that GDBus cannot be talked out of waiting for.
  @Test(
    .timeLimit(.minutes(1)), .enabled(if: Installed.all, "dbus-daemon or gdbus is not installed"))
  func aBusThatAcceptsAndDoesNotAnswerIsNotWaitedForLong() throws {
    let silent = try PrivateBus(isSilent: true)
    let outcome = try start(silent.address, "--limit", "100")
    #expect(outcome.status == 3)
    #expect(outcome.output == "failed: the session bus does not answer\n")
  }

  @Test(
    .timeLimit(.minutes(1)), .enabled(if: Installed.all, "dbus-daemon or gdbus is not installed"),
    arguments: [true, false])
  func aStartCanBeStopped(isSilent: Bool) throws {
    let bus = try PrivateBus(isSilent: isSilent)
    let outcome = try start(bus.address, "--stop")
    #expect(outcome.status == 3)
    let lines = Set(outcome.output.split(separator: "\n"))
    // Whoever of the two goes on first: the other's line is not waited for.
    #expect(lines.contains("failed: the bus was stopped before it had started"))
    #expect(lines.isSubset(of: ["failed: the bus was stopped before it had started", "stopped"]))
  }

  @Test(.timeLimit(.minutes(1))) func withoutABusItSaysSo() throws {
    let folder = try SocketFolder()
    let outcome = try start("unix:path=\(folder.path)/socket")
    #expect(outcome.status == 3)
    #expect(outcome.output.hasPrefix("failed: the session bus cannot be used: "))
  }

  @Test(.timeLimit(.minutes(1))) func aBusThatDoesNotAnswerIsNotWaitedForLong() throws {
    let folder = try SocketFolder()
    let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) {
      $0.copyBytes(from: "\(folder.path)/socket".utf8)
    }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0 && listen(listener, 1) == 0)
    let outcome = try start("unix:path=\(folder.path)/socket", "--limit", "100")
    #expect(outcome.status == 3)
    #expect(outcome.output == "failed: the session bus does not answer\n")
  }

  private func start(_ bus: String, _ options: String...) throws -> Child.Outcome {
    try Child([Installed.product("NBDBusProgram")] + options, bus: bus).outcome()
  }
}
