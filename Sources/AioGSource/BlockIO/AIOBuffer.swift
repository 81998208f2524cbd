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
  /// - Parameters:
  ///   - count: bytes.
  ///   - alignment: a power of two; the page size serves every file system and disk.
  public convenience init(count: Int, alignment: Int = 4096) {
    self.init(uninitializedCount: count, alignment: alignment)
    baseAddress.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  /// Makes a buffer whose bytes are whatever was there, until something is written to them. A large one takes no memory
  /// before that.
  public init(uninitializedCount count: Int, alignment: Int = 4096) {
    precondition(count >= 0, "a buffer of \(count) bytes was asked for")
    precondition(
      alignment > 0 && alignment & (alignment - 1) == 0,
      "a buffer's alignment is a power of two, and \(alignment) is none")
    baseAddress = .allocate(byteCount: max(count, 1), alignment: alignment)
    self.count = count
  }

  /// Makes a buffer with a copy of some bytes.
  public convenience init(_ bytes: some Collection<UInt8>, alignment: Int = 4096) {
    self.init(uninitializedCount: bytes.count, alignment: alignment)
    UnsafeMutableRawBufferPointer(start: baseAddress, count: count).copyBytes(from: bytes)
  }

  deinit {
    baseAddress.deallocate()
  }

  /// The bytes, as a collection that holds the buffer: writing to it writes to the buffer.
  public var bytes: Bytes { Bytes(buffer: self) }

  /// Calls `body` with the memory, which is held meanwhile.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeMutableRawBufferPointer(start: baseAddress, count: count))
  }
}

extension AIOBuffer {
  /// Some bytes of a buffer, which it keeps in memory: what a message is made of.
  public struct Slice: Sendable {
    /// The buffer that the bytes are in.
    public let buffer: AIOBuffer
    /// Bytes from the start of the buffer.
    public let range: Range<Int>

    /// Some bytes of a buffer. Any thread.
    ///
    /// - Parameters:
    ///   - buffer: what they are in.
    ///   - range: which bytes of the buffer; traps where they are not all within it.
    public init(_ buffer: AIOBuffer, _ range: Range<Int>) {
      precondition(
        range.lowerBound >= 0 && range.upperBound <= buffer.count,
        "bytes \(range) of a buffer of \(buffer.count) were asked for")
      self.buffer = buffer
      self.range = range
    }
  }

  /// The bytes of a buffer, which it keeps in memory.
  ///
  /// A view and no copy: what a request reads into the buffer is seen, and what is written here goes into the buffer.
  public struct Bytes: RandomAccessCollection, MutableCollection {
    let buffer: AIOBuffer

    /// 0.
    public var startIndex: Int { 0 }
    /// The buffer's size in bytes.
    public var endIndex: Int { buffer.count }

    /// The byte so far from the start of the buffer; traps outside of it.
    public subscript(position: Int) -> UInt8 {
      get {
        precondition(
          position >= 0 && position < buffer.count,
          "byte \(position) of a buffer of \(buffer.count) was asked for")
        return buffer.baseAddress.load(fromByteOffset: position, as: UInt8.self)
      }
      nonmutating set {
        precondition(
          position >= 0 && position < buffer.count,
          "byte \(position) of a buffer of \(buffer.count) was to be set")
        buffer.baseAddress.storeBytes(of: newValue, toByteOffset: position, as: UInt8.self)
      }
    }

    /// Writes bytes from the start of the buffer on, which has to have room for them.
    public func copyBytes(from source: some Collection<UInt8>) {
      buffer.withBytes { $0.copyBytes(from: source) }
    }

    /// Calls `body` with the buffer's memory, to read it; never nil.
    public func withContiguousStorageIfAvailable<Result>(
      _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result? {
      defer { withExtendedLifetime(buffer) {} }
      return try body(
        UnsafeBufferPointer(
          start: buffer.baseAddress.assumingMemoryBound(to: UInt8.self), count: buffer.count))
    }

    /// Calls `body` with the buffer's memory, to change it; never nil.
    public mutating func withContiguousMutableStorageIfAvailable<Result>(
      _ body: (inout UnsafeMutableBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result? {
      defer { withExtendedLifetime(buffer) {} }
      var bytes = UnsafeMutableBufferPointer(
        start: buffer.baseAddress.assumingMemoryBound(to: UInt8.self), count: buffer.count)
      return try body(&bytes)
    }
  }
}
