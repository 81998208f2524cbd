// A server that serves nobody, for the bus to look after: what it does with a path is in the path.

import NBDBus
import NBDServer

@MainActor final class FakeServer: ServerControl {
  private(set) var exports: [ExportStatus] = []
  private(set) var connections: [ConnectionStatus] = []
  weak var bus: Bus?

  /// Calls of AddExport("/held"), and who waits for one.
  private var held: [CheckedContinuation<Bool, Never>] = []
  private var waiters: [CheckedContinuation<Void, Never>] = []

  init(isEmpty: Bool) {
    if isEmpty { return }
    exports = [
      ExportStatus(
        name: "disk.img", path: "/images/disk.img", size: 1 << 30, isReadOnly: false,
        connections: 1,
        counters: Counters(
          reads: 12, writes: 3, flushes: 2, other: 1, errors: 4, bytesRead: 5_000_000_000,
          bytesWritten: 12_288)),
      ExportStatus(
        name: "übung.iso", path: "/images/it's.iso", size: 4096, isReadOnly: true,
        counters: Counters(reads: 1, bytesRead: 512)),
    ]
    connections = [
      ConnectionStatus(
        identifier: 7, export: "disk.img", peer: "unix:1234", thread: "nbd-0",
        requestsInFlight: 64, counters: Counters(reads: 12, bytesRead: 49_152)),
      ConnectionStatus(
        identifier: 8, export: "", peer: "127.0.0.1:40000", thread: "nbd-1", requestsInFlight: 0,
        counters: Counters()),
    ]
  }

  func addExport(
    path: String, name: String?, isReadOnly: Bool
  ) async throws(ControlError) -> ExportStatus {
    let name = name ?? String(path.split(separator: "/").last ?? "")
    switch path {
    case "/missing":
      throw ControlError(.cannotOpen, "/missing: No such file or directory")
    case "/held":
      let isReleased = await withCheckedContinuation { continuation in
        held.append(continuation)
        for waiter in waiters { waiter.resume() }
        waiters = []
      }
      if !isReleased { throw ControlError(.shuttingDown, "the server is shutting down") }
    case "/visited":
      let visitor = ConnectionStatus(
        identifier: 9, export: name, peer: "unix:99", thread: "nbd-0",
        requestsInFlight: 0, counters: Counters(reads: 5))
      bus?.connectionOpened(visitor)
      bus?.connectionClosed(visitor)
    default: break
    }
    if exports.contains(where: { $0.name == name }) {
      throw ControlError(.exists, "there is an export \(name)")
    }
    let export = ExportStatus(name: name, path: path, size: 8192, isReadOnly: isReadOnly)
    exports.append(export)
    return export
  }

  func removeExport(name: String) async throws(ControlError) {
    if name == "await-held" {
      await oneIsHeld()
      return
    }
    if name == "release-held" {
      await oneIsHeld()
      let count = exports.count
      held.removeFirst().resume(returning: true)
      // Until it is there.
      while exports.count == count { await Task.yield() }
      return
    }
    guard let index = exports.firstIndex(where: { $0.name == name }) else {
      throw ControlError(.unknown, "there is no export \(name)")
    }
    exports.remove(at: index)
  }

  /// Those that are held fail.
  func shutDown() {
    for call in held { call.resume(returning: false) }
    held = []
  }

  private func oneIsHeld() async {
    if !held.isEmpty { return }
    await withCheckedContinuation { waiters.append($0) }
  }
}
