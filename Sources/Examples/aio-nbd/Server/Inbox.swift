// What a client has sent and nobody has taken yet. One connection's, on its context.

import AioGSource
import Glibc
import SystemPackage

final class Inbox {
  private let engine: AIOEngine
  private let socket: FileDescriptor
  private var buffer: AIOBuffer
  private var first = 0
  private var end = 0

  init(_ engine: AIOEngine, _ socket: FileDescriptor, capacity: Int) {
    self.engine = engine
    self.socket = socket
    buffer = AIOBuffer(count: capacity)
  }

  /// How many bytes there are.
  var count: Int { end - first }

  /// The bytes, for as long as `body` runs.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    buffer.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[first..<end])) }
  }

  func drop(_ count: Int) {
    first += count
    if first == end {
      first = 0
      end = 0
    }
  }

  /// Moves what there is to a buffer of that size.
  func grow(to capacity: Int) {
    precondition(capacity >= count, "an inbox cannot shrink below what is in it")
    let larger = AIOBuffer(count: capacity)
    withBytes { larger.baseAddress.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    end = count
    first = 0
    buffer = larger
  }

  /// Receives what there is, and waits until there is something; false at the end of the stream.
  func fill() async throws(Errno) -> Bool {
    if first > 0 && buffer.count - end < buffer.count / 2 {
      buffer.baseAddress.copyMemory(from: buffer.baseAddress + first, byteCount: count)
      end = count
      first = 0
    }
    let received = try await engine.receive(on: socket, into: buffer, range: end..<buffer.count)
    end += received
    return received > 0
  }

  /// Moves `count` bytes to where `piece` has its data: those that are here, and those that are still to come straight
  /// from the socket. False if the stream ends before.
  func take(_ count: Int, into piece: Piece) async throws(Errno) -> Bool {
    let here = min(count, self.count)
    withBytes {
      if let start = $0.baseAddress { piece.data().copyMemory(from: start, byteCount: here) }
    }
    drop(here)
    var next = here
    while next < count {
      let received = try await engine.receive(
        on: socket, into: piece.buffer, range: piece.range(next..<count))
      if received == 0 { return false }
      next += received
    }
    return true
  }

  /// Drops `count` bytes, which may be still to come; false if the stream ends before.
  func skip(_ count: Int) async throws(Errno) -> Bool {
    var left = count
    while left > 0 {
      if self.count == 0 {
        guard try await fill() else { return false }
      }
      let here = min(left, self.count)
      drop(here)
      left -= here
    }
    return true
  }
}
