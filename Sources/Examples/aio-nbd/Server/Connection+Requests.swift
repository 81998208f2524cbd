// What a client asks for: requests taken out of the inbox, judged, and handed over to be performed, with the memory they need.

import AioGSource
import NBDProtocol
import SystemPackage

/// A request that is to be performed.
struct Work: Sendable {
  var command: Command
  var request: Request
  var session: Session
  var export: Export
  /// A write's data, or room for what the reply carries, and for its header in any case.
  var piece: Piece
}

extension Connection {
  /// Receives requests, and has `begin` called with each that is to be performed; returns why it ended, unless the client
  /// took its leave or the connection was stopped.
  func receiveRequests(
    _ session: Session, _ export: Export, begin: (Work) -> Void
  ) async -> String? {
    do throws(Errno) {
      while true {
        guard let request = try await nextRequest() else { return farewell() }
        if let failure = replies.failure { return "took no more replies: \(failure)" }
        guard let request else { return "sent something that is no request" }
        switch session.judge(request, isShuttingDown: isStopping) {
        case .disconnect(let reason): return reason
        case .refuse(let error, let message, let payload):
          guard try await inbox.skip(payload) else { return "went away in the middle of a write" }
          await refuse(request, session, error, message)
        case .perform(let command):
          let piece = await takePiece(for: command, request)
          // That may have waited for the client to take replies.
          if let failure = replies.failure {
            giveBack(piece)
            return "took no more replies: \(failure)"
          }
          if command == .write {
            guard try await inbox.take(Int(request.length), into: piece) else {
              giveBack(piece)
              return "went away in the middle of a write"
            }
          }
          traffic.requestBegan()
          begin(
            Work(
              command: command, request: request, session: session, export: export, piece: piece))
        }
      }
    } catch {
      return isStopping ? nil : "could not be received from: \(error)"
    }
  }

  /// Why the stream ended, unless the client may have meant it so.
  private func farewell() -> String? {
    if isStopping { return nil }
    if inbox.count > 0 { return "went away in the middle of a request" }
    let left = traffic.requestsInFlight
    return left > 0 ? "went away with \(left) requests under way" : nil
  }

  /// The next request, nil inside where it is none; nil outside at the end of the stream.
  private func nextRequest() async throws(Errno) -> Request?? {
    while inbox.count < Request.size {
      // What was begun goes to the kernel first, so that its replies need not wait for the kernel to look in vain.
      await passes.next()
      guard try await inbox.fill() else { return nil }
    }
    let request = inbox.withBytes { Request($0) }
    inbox.drop(Request.size)
    return .some(request)
  }

  private func takePiece(for command: Command, _ request: Request) async -> Piece {
    let count: Int
    switch command {
    case .read, .write: count = Int(request.length)
    case .blockStatus: count = Reply.blockStatusSize(extents: Self.maximumExtents)
    default: count = 0
    }
    await budget.take(PiecePool.cost(count))
    return worker.pool.take(count)
  }

  private func giveBack(_ piece: Piece) {
    let cost = piece.cost
    worker.pool.give(piece)
    budget.give(cost)
  }

  private func refuse(
    _ request: Request, _ session: Session, _ error: NBDError, _ message: String
  ) async {
    await budget.take(PiecePool.cost(0))
    answer(request, session, error, message, in: worker.pool.take(0))
  }
}
