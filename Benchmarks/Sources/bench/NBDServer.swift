// The NBD servers, how each is started, and the clients that measure them. All serve a raw image from the page cache over a
// Unix socket, read-only.

import Foundation

enum NBDServer: String, CaseIterable, Sendable {
  case ours = "aio-nbd"
  case qemuNBD = "qemu-nbd"
  case nbdkit
  case nbdServer = "nbd-server"
  /// One thread in C with nothing in it but epoll, pread and send: the limit.
  case bare = "bare-nbd"

  func missing(_ setting: Setting) -> String? {
    switch self {
    case .ours: Command.notBuilt(Self.ours(setting))
    case .bare: Command.notBuilt(setting.peers.appending(path: rawValue))
    default: setting.find(rawValue) == nil ? "\(rawValue) is not installed" : nil
    }
  }

  /// AIO_NBD names another program to measure as ours.
  private static func ours(_ setting: Setting) -> URL {
    ProcessInfo.processInfo.environment["AIO_NBD"].map { URL(filePath: $0) }
      ?? setting.products.appending(path: Self.ours.rawValue)
  }

  struct Running {
    let socket: String
    let process: Int32
    let export: String
    var uri: String { "nbd+unix:///\(export)?socket=\(socket)" }
  }

  /// Starts it for a row, or says where it is.
  func start(for row: String, _ setting: Setting, image: String, _ placement: Placement) throws
    -> Running
  {
    let key = "\(row).\(rawValue)"
    let socket = setting.work.appending(path: key).path
    let pidFile = socket + ".pid"
    if !setting.hasService(key) {
      // A row that measures the same otherwise has left its own there.
      unlink(socket)
      unlink(pidFile)
    }
    let (program, arguments) = try command(setting, socket, image, pidFile)
    let (starter, all) = placement.start(program, arguments)
    let isThere = {
      // nbd-server serves in a process of its own, which says when it is there.
      self == .nbdServer
        ? access(socket, F_OK) == 0 && processNumber(in: pidFile) != nil : accepts(socket)
    }
    let service = try setting.service(key, starter, all, isReady: isThere)
    let process = processNumber(in: pidFile) ?? service.processIdentifier
    try placement.settle(process, setting)
    return Running(
      socket: socket, process: process, export: self == .nbdServer ? "disk" : "")
  }

  private func command(
    _ setting: Setting, _ socket: String, _ image: String, _ pidFile: String
  ) throws -> (String, [String]) {
    switch self {
    case .ours:
      return (Self.ours(setting).path, ["--socket", socket, "--read-only", image])
    case .qemuNBD:
      return (
        "qemu-nbd",
        [
          "-f", "raw", "--aio=io_uring", "--cache=writeback", "-e", "16", "-t", "-r", "-k", socket,
          image,
        ]
      )
    case .nbdkit: return ("nbdkit", ["-f", "-r", "-U", socket, "file", image])
    case .nbdServer:
      let configuration = socket + ".conf"
      let text = """
        [generic]
        unixsock = \(socket)
        listenaddr = 127.0.0.1
        port = \(Int.random(in: 20_000..<30_000))
        [disk]
        exportname = \(image)
        readonly = true

        """
      try text.write(toFile: configuration, atomically: true, encoding: .utf8)
      // In the foreground it takes one client only, so it goes to the background, and is ended from there.
      let script = """
        nbd-server -C "$0" -p "$1"
        end() {
          n=$(cat "$1") i=0
          kill "$n"
          while [ "$i" -lt 200 ] && kill -0 "$n"; do sleep 0.01; i=$((i + 1)); done
          exit
        }
        trap 'end "$1"' TERM
        while sleep 0.1; do :; done
        """
      return ("sh", ["-c", script, configuration, pidFile])
    case .bare: return (setting.peers.appending(path: rawValue).path, [socket, image])
    }
  }

  // MARK: What is measured

  /// Random reads of 4 KiB by our load generator: nanoseconds a read, and nanoseconds of the server's CPU time.
  func reads(_ row: String, connections: Int = 1, depth: Int, _ placement: Placement)
    -> CostlyCommand
  {
    CostlyCommand(missing: missing) { setting in
      let image = try setting.file(bytes: 512 << 20)
      let server = try start(for: row, setting, image: image, placement)
      let load = setting.peers.appending(path: "nbd-load").path
      let finished = try setting.run(
        load,
        [
          "--json", "--server-pid", "\(server.process)", "--export", server.export,
          "--connections", "\(connections)", "--depth", "\(depth)",
          "--seconds", setting.isQuick ? "0.1" : "0.25", "unix:\(server.socket)",
        ], pinning: placement.client)
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      let said = try decoder.decode(Load.self, from: Data(finished.output.utf8))
      return Cost(value: 1e9 / said.requestsPerSecond, cpu: said.serverCpuUs * 1e3)
    }
  }

  private struct Load: Decodable {
    let requestsPerSecond: Double
    let serverCpuUs: Double
  }

  /// The same by fio.
  func fioReads(_ row: String, depth: Int) -> CostlyCommand {
    CostlyCommand(missing: missing(with: "fio")) { setting in
      let image = try setting.file(bytes: 512 << 20)
      let server = try start(for: row, setting, image: image, .free)
      let before = try cpuSeconds(of: server.process)
      let finished = try setting.run(
        "fio",
        [
          "--name=bench", "--ioengine=nbd", "--uri=\(server.uri)", "--rw=randread", "--bs=4k",
          "--iodepth=\(depth)", "--io_size=\((setting.isQuick ? 25_000 : 75_000) * 4096)",
          "--output-format=terse", "--terse-version=3",
        ], pinning: .free)
      let used = try cpuSeconds(of: server.process) - before
      let reads = setting.isQuick ? 25_000.0 : 75_000
      return Cost(
        value: 1e9 / (try fioReadsASecond(finished.output)), cpu: used / reads * 1e9)
    }
  }

  /// nbdcopy of 1 GiB to nowhere: MiB a second, and milliseconds of the server's CPU time.
  func copies(_ row: String, connections: Int) -> CostlyCommand {
    CostlyCommand(missing: missing(with: "nbdcopy")) { setting in
      let image = try setting.file(bytes: 1 << 30)
      let server = try start(for: row, setting, image: image, .free)
      let before = try cpuSeconds(of: server.process)
      let finished = try setting.run(
        "nbdcopy", ["--connections=\(connections)", server.uri, "null:"], pinning: .free)
      // A child of the server's is counted when it is gone.
      usleep(self == .nbdServer ? 100_000 : 10_000)
      let used = try cpuSeconds(of: server.process) - before
      return Cost(value: 1024 / finished.seconds, cpu: used * 1e3)
    }
  }

  private func missing(with tool: String) -> @Sendable (Setting) -> String? {
    { missing($0) ?? ($0.find(tool) == nil ? "\(tool) is not installed" : nil) }
  }
}

/// Whether somebody listens on a Unix socket, which has its name before that.
private func accepts(_ path: String) -> Bool {
  let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  let room = MemoryLayout.size(ofValue: address.sun_path)
  if path.utf8.count >= room { return false }
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
    }
  }
}

private func processNumber(in file: String) -> Int32? {
  guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
  return Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
}
