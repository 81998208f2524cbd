// The arguments of operations that are more than one buffer: vectors, paths, status, messages, a caller's submission.
// Each keeps what the kernel reads or writes in place for as long as its request is under way.

import CLiburing
import Glibc
import SystemPackage

/// What keeps an operation's arguments in place.
@usableFromInline
class Payload: @unchecked Sendable {
  /// `count` more bytes were transferred: the rest begins after them.
  func advance(by count: Int) {}
  /// What is left of the memory is to be zeroed.
  func zeroRest() {}
}

/// Several buffers as one.
final class Vectors: Payload, @unchecked Sendable {
  /// They keep the memory.
  private let slices: [AIOBuffer.Slice]
  private let vectors: UnsafeMutablePointer<iovec>
  let count: Int
  private var finished = 0
  let length: Int

  init(_ slices: [AIOBuffer.Slice]) {
    self.slices = slices
    vectors = .allocate(capacity: max(slices.count, 1))
    var count = 0
    var length = 0
    // 1,024 empty ones at once would transfer nothing, which means that the file has ended.
    for slice in slices where !slice.range.isEmpty {
      vectors[count] = iovec(
        iov_base: slice.buffer.baseAddress + slice.range.lowerBound, iov_len: slice.range.count)
      count += 1
      length += slice.range.count
    }
    self.count = count
    self.length = length
  }

  convenience init(_ buffers: [AIOBuffer]) {
    self.init(buffers.map { AIOBuffer.Slice($0, 0..<$0.count) })
  }

  deinit { vectors.deallocate() }

  var rest: UnsafeMutablePointer<iovec> { vectors + finished }
  /// The kernel takes 1,024 at once.
  var restCount: Int { min(count - finished, 1024) }

  override func advance(by count: Int) {
    var left = count
    while left > 0 && finished < self.count {
      let step = min(left, vectors[finished].iov_len)
      vectors[finished].iov_base += step
      vectors[finished].iov_len -= step
      left -= step
      if vectors[finished].iov_len == 0 { finished += 1 }
    }
  }

  override func zeroRest() {
    for index in finished..<count { memset(vectors[index].iov_base, 0, vectors[index].iov_len) }
  }
}

/// A path, as C has it.
final class Path: Payload, @unchecked Sendable {
  let pointer: UnsafeMutablePointer<CChar>
  init(_ path: FilePath) { pointer = path.withPlatformString { strdup($0) } }
  deinit { free(pointer) }
}

/// statx(2) of a descriptor.
final class StatusQuery: Payload, @unchecked Sendable {
  static let mask = UInt32(STATX_BASIC_STATS | STATX_BTIME)

  let path: UnsafePointer<CChar>
  let memory: UnsafeMutablePointer<statx>
  let flags: UInt32
  private let storage: Path

  /// - Parameter path: nil for the descriptor itself.
  init(path: FilePath?, followsLinks: Bool) {
    storage = Path(path ?? "")
    self.path = UnsafePointer(storage.pointer)
    // AT_EMPTY_PATH, a GNU extension that the Glibc module leaves out.
    let emptyPath: UInt32 = 0x1000
    flags = path == nil ? emptyPath : followsLinks ? 0 : UInt32(AT_SYMLINK_NOFOLLOW)
    memory = .allocate(capacity: 1)
    memory.initialize(to: statx())
  }

  deinit { memory.deallocate() }
}

/// Where the kernel writes who connected.
final class PeerAddress: Payload, @unchecked Sendable {
  let storage: UnsafeMutablePointer<sockaddr>
  let length: UnsafeMutablePointer<socklen_t>
  private let memory: UnsafeMutablePointer<sockaddr_storage>

  override init() {
    memory = .allocate(capacity: 1)
    memory.initialize(to: sockaddr_storage())
    storage = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: sockaddr.self)
    length = .allocate(capacity: 1)
    length.initialize(to: socklen_t(MemoryLayout<sockaddr_storage>.size))
  }

  deinit {
    memory.deallocate()
    length.deallocate()
  }

  var address: SocketAddress { SocketAddress(storage, length.pointee) }
}

/// An address to connect to.
final class HeldAddress: Payload, @unchecked Sendable {
  let storage: UnsafeMutableRawPointer
  init(_ address: SocketAddress) {
    storage = .allocate(byteCount: max(address.bytes.count, 1), alignment: 8)
    storage.copyMemory(from: address.bytes, byteCount: address.bytes.count)
  }
  deinit { storage.deallocate() }
}

/// A submission that a caller prepares.
final class RawSubmission: Payload, @unchecked Sendable {
  let prepare: (UnsafeMutablePointer<io_uring_sqe>) -> Void
  let completion: @Sendable (RawCompletion) -> Void
  /// Come; those before `first` were reported.
  private var events: [RawCompletion] = []
  private var first = 0
  var isListed = false

  init(
    prepare: @escaping (UnsafeMutablePointer<io_uring_sqe>) -> Void,
    completion: @escaping @Sendable (RawCompletion) -> Void
  ) {
    self.prepare = prepare
    self.completion = completion
  }

  var hasEvents: Bool { first < events.count }

  func add(_ event: RawCompletion) { events.append(event) }

  func takeFirst() -> RawCompletion {
    let event = events[first]
    first += 1
    if first == events.count {
      events.removeAll(keepingCapacity: true)
      first = 0
    }
    return event
  }
}

/// What came of a submission that the caller prepared.
public struct RawCompletion: Hashable, Sendable {
  /// What the operation returns: not negative, or a negative errno.
  public var result: Int32
  /// The completion's flags, `IORING_CQE_F_…`.
  public var flags: UInt32
  /// Whether no more will come.
  public var isLast: Bool
}
