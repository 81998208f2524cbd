// The memory that requests are served from: pieces in a few sizes, kept by a context for its connections, and the budget
// that bounds what one connection may have of it.

import AioGSource

/// Room for the data of one request, page-aligned, with room for the header of its reply right before it, so that both go
/// out as one.
final class Piece: @unchecked Sendable {
  /// Before the data. The page that alignment costs anyway.
  static let headerRoom = 4096

  let buffer: AIOBuffer
  /// Bytes of data that fit.
  let capacity: Int
  fileprivate let sizeClass: Int

  fileprivate init(capacity: Int, sizeClass: Int) {
    // Never sent before it was written: a client that announces much and sends nothing costs nothing.
    buffer = AIOBuffer(uninitializedCount: Self.headerRoom + capacity)
    self.capacity = capacity
    self.sizeClass = sizeClass
  }

  /// What a connection pays for it.
  var cost: Int { buffer.count }

  /// Where data goes that lies `offset` bytes into the request.
  func data(_ offset: Int = 0) -> UnsafeMutableRawPointer {
    buffer.baseAddress + Self.headerRoom + offset
  }

  func range(_ part: Range<Int>) -> Range<Int> {
    part.lowerBound + Self.headerRoom..<part.upperBound + Self.headerRoom
  }

  /// Where a header of `count` bytes begins that ends where the data does.
  func header(_ count: Int) -> UnsafeMutableRawPointer { data(-count) }

  /// The last `header` bytes before the data, and the first `count` of it.
  func slice(header: Int, count: Int) -> AIOBuffer.Slice {
    AIOBuffer.Slice(buffer, Self.headerRoom - header..<Self.headerRoom + count)
  }
}

/// Pieces that are not in use. One context's.
final class PiecePool {
  /// Bytes of data, each four times the one before; larger ones are made as asked for, and not kept.
  private static let sizes = [0, 4096, 16384, 65536, 262_144, 1_048_576, 2_097_152]
  /// Bytes that are kept at most.
  private static let maximumKept = 64 << 20

  private var free = [[Piece]](repeating: [], count: PiecePool.sizes.count)
  private var kept = 0

  func take(_ count: Int) -> Piece {
    guard let sizeClass = Self.sizes.firstIndex(where: { $0 >= count }) else {
      return Piece(capacity: count, sizeClass: Self.sizes.count)
    }
    if let piece = free[sizeClass].popLast() {
      kept -= piece.cost
      return piece
    }
    return Piece(capacity: Self.sizes[sizeClass], sizeClass: sizeClass)
  }

  func give(_ piece: Piece) {
    guard piece.sizeClass < Self.sizes.count, kept + piece.cost <= Self.maximumKept else { return }
    kept += piece.cost
    free[piece.sizeClass].append(piece)
  }

  /// What `take` would hand out costs.
  static func cost(_ count: Int) -> Int {
    Piece.headerRoom + (sizes.first { $0 >= count } ?? count)
  }
}

/// How much memory a connection has in use. Its own context's; the receiver is the only one that takes.
///
/// A request that is larger than the whole budget is served while there is no other.
final class Budget {
  private let limit: Int
  private(set) var used = 0
  private var waiting: (amount: Int, continuation: UnsafeContinuation<Void, Never>)?

  init(limit: Int) { self.limit = limit }

  func take(_ amount: Int) async {
    if !fits(amount) {
      await withUnsafeContinuation { waiting = (amount, $0) }
    }
    used += amount
  }

  func give(_ amount: Int) {
    used -= amount
    if let (amount, continuation) = waiting, fits(amount) {
      waiting = nil
      continuation.resume()
    }
  }

  private func fits(_ amount: Int) -> Bool { used == 0 || used + amount <= limit }
}
