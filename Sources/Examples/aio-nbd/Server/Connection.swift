// One client, from the handshake to the end. It is served by a task of its worker's context, and all of it but what is marked
// otherwise is for that context only.
//
// A byte's way: Inbox, Request, judged by its Session, a task of its own (Connection+Commands) or, for most reads, a completion
// (Connection+PlainReads), ReplyQueue, socket. Requests run side by side and are answered as they finish. What a connection
// has in memory is bounded by its Budget: when that is spent nothing is received, and the client waits.

import AioGSource
import Glibc
import NBDProtocol
import Synchronization
import SystemPackage

final class Connection: @unchecked Sendable {
  /// Bytes that are received at most in one go.
  private static let inboxCapacity = 64 << 10
  private static let handshakeCapacity = 4 << 10

  // Any thread.
  let identifier: UInt64
  let peer: String
  let worker: Worker
  let traffic = Traffic()
  private let exportInUse = Mutex<Export?>(nil)
  /// Nil during the handshake.
  var export: Export? { exportInUse.withLock { $0 } }

  let table: ExportTable
  let limits: Limits
  let log: ClientLog
  let socket: FileDescriptor
  let inbox: Inbox
  let budget: Budget
  let replies: ReplyQueue
  let plainReads = Pending()
  let passes: NextPass
  private(set) var isStopping = false
  /// Why it was cut off, where that was done to it.
  private var cutReason: String?
  /// Nobody takes replies any more: what takes long need not be finished.
  private(set) var isCut = false
  private var isOpen = true
  private var farewell: AioTimer?

  var engine: AIOEngine { worker.engine }

  /// - Parameter socket: a connected one, which waits (no O_NONBLOCK); it is the connection's to close.
  init(
    _ identifier: UInt64, _ socket: FileDescriptor, from peer: String, worker: Worker,
    table: ExportTable, limits: Limits, log: ClientLog
  ) {
    self.identifier = identifier
    self.socket = socket
    self.peer = peer
    self.worker = worker
    self.table = table
    self.limits = limits
    self.log = log
    passes = NextPass(of: worker.context)
    inbox = Inbox(worker.engine, socket, capacity: Self.handshakeCapacity)
    budget = Budget(limit: limits.memory)
    replies = ReplyQueue(worker.engine, socket, worker.pool, budget)
  }

  /// Serves the client until it goes, is cut off or stopped. Once.
  func serve() async {
    var reason: String?
    switch await handshake() {
    case .closed(let why): reason = why
    case .transmission(let session, let export):
      exportInUse.withLock { $0 = export }
      // Whoever removes it ends those that have it in use, and looks for them after it has gone from the table.
      if table[session.export.name] === export {
        inbox.grow(to: Self.inboxCapacity)
        reason = await transmit(session, export)
      } else {
        reason = "asked for an export that is gone"
      }
    }
    isOpen = false
    farewell?.cancel()
    try? socket.close()
    if let reason = cutReason ?? reason {
      log.notice("client \(identifier), \(peer): \(reason)")
    }
  }

  /// The transmission phase; returns why it ended, unless the client took its leave.
  private func transmit(_ session: Session, _ export: Export) async -> String? {
    await withDiscardingTaskGroup(returning: String?.self) { group in
      group.addTask {
        await self.replies.send { self.cut(because: nil) }
      }
      let reason = await withDiscardingTaskGroup(returning: String?.self) { requests in
        let reason = await self.receiveRequests(session, export) { work in
          if self.isPlainRead(work) {
            self.startPlainRead(work)
          } else {
            requests.addTask { await self.perform(work) }
          }
        }
        await self.plainReads.finish()
        return reason
      }
      replies.close()
      return reason
    }
  }

  /// Takes no more requests, and ends when those it has are answered.
  func stop() {
    guard isOpen, !isStopping else { return }
    isStopping = true
    _ = Glibc.shutdown(socket.rawValue, CInt(SHUT_RD))
    farewell = worker.context.makeTimer(name: "nbd farewell") { [unowned self] in
      cut(because: "did not take its replies when the server stopped")
    }
    farewell?.arm(after: limits.farewell)
  }

  /// Ends the connection under whoever receives or sends.
  func cut(because reason: String?) {
    guard isOpen else { return }
    isCut = true
    if cutReason == nil { cutReason = reason }
    _ = Glibc.shutdown(socket.rawValue, CInt(SHUT_RDWR))
  }
}
