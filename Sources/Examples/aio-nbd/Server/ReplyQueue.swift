// The replies of one connection on their way out: whoever finishes a request appends its reply, and one sender takes all that
// are there and sends them in one call. That is where a server's time goes or is saved: a system call for each reply costs
// more than the reply. One connection's, on its context.

import AioGSource
import Glibc
import SystemPackage

/// What is to be sent for one request, or for a part of one.
struct OutgoingReply {
  /// In order; most have just one.
  var first: AIOBuffer.Slice
  var more: [AIOBuffer.Slice] = []
  /// What the slices are of, to go back to the pool.
  var piece: Piece
  /// More of that.
  var otherPieces: [Piece] = []
  /// What the connection's budget gets back.
  var cost: Int
}

final class ReplyQueue {
  /// Parts of a message: the kernel takes 1,024.
  private static let maximumSlices = 1024
  /// Bytes of one message: more would hold back the memory of those that were sent first.
  private static let maximumBytes = 4 << 20

  private let engine: AIOEngine
  private let socket: FileDescriptor
  private let pool: PiecePool
  private let budget: Budget
  private var pending: [OutgoingReply] = []
  private var waiting: UnsafeContinuation<Void, Never>?
  private var isClosed = false
  /// What sending failed with: from then on replies are dropped.
  private(set) var failure: Errno?

  init(_ engine: AIOEngine, _ socket: FileDescriptor, _ pool: PiecePool, _ budget: Budget) {
    self.engine = engine
    self.socket = socket
    self.pool = pool
    self.budget = budget
  }

  func append(_ reply: OutgoingReply) {
    pending.append(reply)
    wake()
  }

  /// No reply will follow: the sender ends when it has sent those there are.
  func close() {
    isClosed = true
    wake()
  }

  /// The sender goes behind the jobs that are queued by now, so that it finds what those append.
  private func wake() {
    guard let sender = waiting else { return }
    waiting = nil
    sender.resume()
  }

  /// Sends until the queue is closed and empty; `onFailure` is called where the client cannot be sent to any more.
  func send(onFailure: () -> Void) async {
    while true {
      if pending.isEmpty {
        if isClosed { return }
        await withUnsafeContinuation { waiting = $0 }
        continue
      }
      let batch = takeBatch()
      if failure == nil {
        do throws(Errno) {
          try await send(batch)
        } catch {
          failure = error
          onFailure()
        }
      }
      for reply in batch { release(reply) }
    }
  }

  private func takeBatch() -> [OutgoingReply] {
    var slices = 0
    var bytes = 0
    var count = 0
    for reply in pending {
      slices += 1 + reply.more.count
      if count > 0 && (slices > Self.maximumSlices || bytes > Self.maximumBytes) { break }
      bytes += reply.first.range.count
      for slice in reply.more { bytes += slice.range.count }
      count += 1
    }
    if count == pending.count {
      // The array itself, so that nothing is copied.
      let batch = pending
      pending = []
      return batch
    }
    let batch = Array(pending[..<count])
    pending.removeFirst(count)
    return batch
  }

  private func send(_ batch: [OutgoingReply]) async throws(Errno) {
    if batch.count == 1, batch[0].more.isEmpty {
      let slice = batch[0].first
      let sent = try sendNow(slice)
      if sent == slice.range.count { return }
      return try await engine.sendAll(
        on: socket, from: slice.buffer,
        range: slice.range.lowerBound + sent..<slice.range.upperBound
      )
    }
    var slices: [AIOBuffer.Slice] = []
    slices.reserveCapacity(batch.count)
    for reply in batch {
      slices.append(reply.first)
      slices += reply.more
    }
    while !slices.isEmpty {
      let part = slices.count <= Self.maximumSlices ? slices : Array(slices[..<Self.maximumSlices])
      let sent = try await engine.sendMessage(on: socket, from: part)
      Self.drop(sent, from: &slices)
    }
  }

  /// Sends what goes without waiting: a client that waits for this one reply has it a turn of the loop earlier.
  private func sendNow(_ slice: AIOBuffer.Slice) throws(Errno) -> Int {
    let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
    let sent = Glibc.send(
      socket.rawValue, slice.buffer.baseAddress + slice.range.lowerBound, slice.range.count, flags)
    if sent >= 0 { return sent }
    let error = Errno(rawValue: errno)
    if error == .wouldBlock || error == .interrupted { return 0 }
    throw error
  }

  /// Removes the first `count` bytes.
  static func drop(_ count: Int, from slices: inout [AIOBuffer.Slice]) {
    var left = count
    var whole = 0
    while whole < slices.count, left >= slices[whole].range.count {
      left -= slices[whole].range.count
      whole += 1
    }
    slices.removeFirst(whole)
    if left > 0 {
      let slice = slices[0]
      slices[0] = AIOBuffer.Slice(
        slice.buffer, slice.range.lowerBound + left..<slice.range.upperBound)
    }
  }

  private func release(_ reply: OutgoingReply) {
    pool.give(reply.piece)
    for piece in reply.otherPieces { pool.give(piece) }
    budget.give(reply.cost)
  }
}
