// aio-nbd: serves files as network block devices, to QEMU, the Linux kernel and whoever else speaks NBD. Its exit status: 0
// after SIGINT or SIGTERM, 1 if it could not start or a file could not be flushed, 64 for options that make no sense.

import AioGSource
import ArgumentParser
import Glibc
import Logging
import NBDBus
import NBDServer
import SystemPackage

@main
struct AioNbd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aio-nbd",
    abstract: "Serves files as network block devices.",
    discussion: """
      Clients connect to a Unix socket that only its owner may use, or to a TCP port of this machine; there is no \
      encryption. SIGINT and SIGTERM have the server finish what it has accepted, flush, and end.
      """)

  @OptionGroup var options: Options

  func run() throws {
    // Who reads the log may go before we do.
    signal(SIGPIPE, SIG_IGN)
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    let log = Logger(label: "aio-nbd")
    raiseDescriptorLimit()
    let status: Int32
    do {
      status = try MainThread().run { [options] main in
        try await serve(options, on: main, log: log)
      }
    } catch {
      complain("\(error)")
      status = 1
    }
    if status != 0 { throw ExitCode(status) }
  }
}

/// Serves until a signal comes.
@MainActor private func serve(
  _ options: Options, on main: MainThread, log: Logger
) async throws -> Int32 {
  let server = Server(options.server, on: main.context, log: log)
  for file in options.files {
    let export = try await server.addExport(
      path: file, name: options.export, isReadOnly: options.readOnly)
    let suffix = export.isReadOnly ? ", read-only" : ""
    say("export \(export.name): \(export.path), \(export.size) bytes\(suffix)")
  }
  let bus = options.bus ? Bus(control: server) { log.notice("\($0)") } : nil
  try await bus?.start()
  server.onConnection = { connection, isOpen in
    if isOpen { bus?.connectionOpened(connection) } else { bus?.connectionClosed(connection) }
  }
  try await server.start()
  if let endpoint = server.endpoint {
    if endpoint.isOpenToTheNetwork {
      log.warning("\(endpoint) can be reached from other machines, and there is no encryption")
    }
    say("listening on \(endpoint)")
  }
  for await signal in main.signals {
    log.info("ending by \(signal == SIGINT ? "SIGINT" : "SIGTERM")")
    break
  }
  async let busStops: Void? = bus?.stop()
  let isComplete = await server.stop()
  await busStops
  return isComplete ? 0 : 1
}

/// A line on standard output, at once.
private func say(_ line: String) {
  _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8)
}

/// Says one clear line on stderr.
func complain(_ sentence: String) {
  _ = try? FileDescriptor.standardError.writeAll("aio-nbd: \(sentence)\n".utf8)
}

/// Each client is a descriptor, and 1,024 is what a shell gives.
private func raiseDescriptorLimit() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
