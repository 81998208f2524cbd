// Memory that requests read into and write from.

import CLiburing
import Glibc

/// A piece of memory, aligned for O_DIRECT, that requests transfer to and from.
///
/// A request holds its buffer until its completion is called: letting go of the buffer before that, or cancelling the
/// request, leaves the memory in place for as long as the kernel may touch it. The bytes are the caller's to look at
/// while no request is under way on them. Any thread, one at a time.
public final class AIOBuffer: @unchecked Sendable {
  /// The first byte's address: a multiple of the alignment.
  public let baseAddress: UnsafeMutableRawPointer
  /// Bytes.
  public let count: Int

  /// Its place among the registered ones of a ring, and which ring that is. Home thread of the ring.
  var registeredIndex: Int32 = -1
  var registeredRing: UnsafeMutablePointer<io_uring>?

  /// Makes a buffer of `count` zero bytes.
  ///
  /// - Parameter alignment: a power of two; the page size serves every file system and disk.
  public init(count: Int, alignment: Int = 4096) {
    precondition(count >= 0, "a buffer of \(count) bytes was asked for")
    precondition(
      alignment > 0 && alignment & (alignment - 1) == 0,
      "a buffer's alignment is a power of two, and \(alignment) is none")
    baseAddress = .allocate(byteCount: max(count, 1), alignment: alignment)
    self.count = count
    baseAddress.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  /// Makes a buffer with a copy of some bytes.
  public convenience init(_ bytes: some Collection<UInt8>, alignment: Int = 4096) {
    self.init(count: bytes.count, alignment: alignment)
    UnsafeMutableRawBufferPointer(start: baseAddress, count: count).copyBytes(from: bytes)
  }

  deinit {
    baseAddress.deallocate()
  }

  /// The memory, for as long as the buffer is held.
  public var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: baseAddress, count: count)
  }

  /// Calls `body` with the memory, which is held meanwhile.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(bytes)
  }
}
