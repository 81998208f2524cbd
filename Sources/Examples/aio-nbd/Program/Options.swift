// The command's options, checked, and as the server takes them.

import ArgumentParser
import Glibc
import NBDServer

struct Options: ParsableArguments, Sendable {
  enum Cache: String, ExpressibleByArgument, CaseIterable, Sendable {
    case writeback
    case none
  }

  @Option(help: "The Unix socket to listen on; aio-nbd.sock in XDG_RUNTIME_DIR unless given.")
  var socket: String?

  @Option(help: "The TCP port to listen on instead; 0 has the kernel choose.")
  var port: UInt16?

  @Option(help: "The address of this machine to listen on, with --port; 127.0.0.1 unless given.")
  var bind: String?

  @Option(help: "The name of the export, with one FILE; the file's name unless given.")
  var export: String?

  @Flag(help: "Let no client write.")
  var readOnly = false

  @Option(help: "What carries out the I/O: auto, io_uring, native or threads.")
  var engine = EngineChoice.auto

  @Option(help: "writeback, by way of the page cache, or none, past it (O_DIRECT).")
  var cache = Cache.writeback

  @Option(help: "How many threads share the connections; as many as there are CPUs unless given.")
  var contexts: Int?

  @Flag(help: "Be org.aiogsource.Nbd1 on the session bus, to be asked and told while serving.")
  var bus = false

  @Argument(help: "The files to serve.")
  var files: [String]

  func validate() throws {
    if socket != nil && port != nil {
      throw ValidationError("--socket and --port are two places to listen on; give one.")
    }
    if bind != nil && port == nil {
      throw ValidationError("--bind takes an address for --port, which is not given.")
    }
    if export != nil && files.count > 1 {
      throw ValidationError("--export names one file, and there are \(files.count).")
    }
    if let contexts, !(1...256).contains(contexts) {
      throw ValidationError("--contexts is between 1 and 256, not \(contexts).")
    }
    if files.isEmpty && !bus { throw ValidationError("There is no file to serve.") }
  }

  var server: Server.Options {
    var options = Server.Options(endpoint: endpoint, threads: threads, engine: engine)
    options.exports.isDirect = cache == .none
    return options
  }

  private var endpoint: Endpoint {
    if let port { return .tcp(address: bind ?? "127.0.0.1", port: port) }
    if let socket { return .unix(path: socket) }
    let directory = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) } ?? "/tmp"
    return .unix(path: "\(directory)/aio-nbd.sock")
  }

  private var threads: Int {
    contexts ?? min(max(sysconf(CInt(_SC_NPROCESSORS_ONLN)), 1), 256)
  }
}

extension EngineChoice: ExpressibleByArgument {}
