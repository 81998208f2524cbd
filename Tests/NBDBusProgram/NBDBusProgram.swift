// The program that NBDBusTests starts: a server that is none, on the session bus of its environment.
//
//   NBDBusProgram [--empty] [--limit MILLISECONDS] [--stop]
//
// It says what happens, a line each. SIGUSR1 has it leave the bus, or ends the calls that hold it there, or has it come back;
// SIGTERM ends it, with 0. It ends with 3 if it cannot get on the bus. With --stop it leaves the bus while it is about to get
// on.

import AioGSource
import Glibc
import NBDBus
import NBDServer
import SuiteSupport

@main struct NBDBusProgram {
  @MainActor static func main() throws {
    let context = try AioContext(name: "main")
    let signals = try context.signals(SIGUSR1, SIGTERM)
    try context.attach()
    try MainActorBridge.install()
    let words = CommandLine.arguments
    let limit = words.firstIndex(of: "--limit").flatMap { Int(words[$0 + 1]) } ?? 10_000
    let server = FakeServer(isEmpty: words.contains("--empty"))
    let bus = Bus(control: server) { say("log: \($0)") }
    server.bus = bus
    let loop = MainLoop()
    var isLeaving = false
    Task {
      await start(bus, limit)
      for await signal in signals {
        if signal == SIGTERM { break }
        if bus.isRunning {
          Task {
            await bus.stop()
            isLeaving = false
            say("stopped")
          }
          isLeaving = true
          while bus.isRunning { await Task.yield() }
          say("leaving")
        } else if isLeaving {
          server.shutDown()
        } else {
          await start(bus, limit)
        }
      }
      await bus.stop()
      loop.quit()
    }
    if words.contains("--stop") {
      Task {
        await bus.stop()
        say("stopped")
      }
    }
    loop.run()
    context.detach()
  }

  @MainActor private static func start(_ bus: Bus, _ limit: Int) async {
    do throws(BusError) {
      try await bus.start(within: .milliseconds(limit))
      say("started")
    } catch {
      say("failed: \(error)")
      exit(3)
    }
  }

  private static func say(_ line: String) {
    "\(line)\n".withCString { _ = write(1, $0, strlen($0)) }
  }
}
