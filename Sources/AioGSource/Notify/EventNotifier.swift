// A descriptor that one thread makes readable to wake another: an eventfd, or a pipe where the kernel has none.

import CLiburing
import Glibc
import Synchronization
import SystemPackage

/// A coalescing wake-up signal with a descriptor that a loop can wait for.
///
/// Any number of `set()` calls before a `testAndClear()` count as one. All methods may be called from any thread, and
/// `set()` from a signal handler.
///
/// Stands for `EventNotifier`.
public final class EventNotifier: Sendable {
  private let readEnd: Atomic<CInt>
  private let writeEnd: Atomic<CInt>
  private let kernel: Kernel

  /// Makes a notifier.
  ///
  /// - Parameter active: whether it is set at birth.
  /// - Throws: the `Errno` of eventfd(2), EMFILE for one.
  public convenience init(active: Bool = false) throws(Errno) {
    try self.init(active: active, kernel: .system)
  }

  convenience init(active: Bool = false, kernel: Kernel) throws(Errno) {
    let descriptor = kernel.eventCreate()
    if descriptor >= 0 {
      self.init(readEnd: descriptor, writeEnd: descriptor, kernel)
    } else if descriptor == -ENOSYS {
      try self.init(pipe: kernel)
    } else {
      throw Errno(rawValue: -descriptor)
    }
    if active { signal() }
  }

  /// Takes over an eventfd, which the notifier closes. Stands for `event_notifier_init_fd`.
  public convenience init(adopting eventDescriptor: FileDescriptor) {
    self.init(readEnd: eventDescriptor.rawValue, writeEnd: eventDescriptor.rawValue, .system)
  }

  /// The form for a kernel without eventfd(2).
  convenience init(pipe kernel: Kernel) throws(Errno) {
    var ends: [CInt] = [-1, -1]
    let status = kernel.pipe(&ends)
    if status < 0 { throw Errno(rawValue: -status) }
    for end in ends { kernel.makeNonBlocking(end) }
    self.init(readEnd: ends[0], writeEnd: ends[1], kernel)
  }

  private init(readEnd: CInt, writeEnd: CInt, _ kernel: Kernel) {
    self.kernel = kernel
    self.readEnd = Atomic(readEnd)
    self.writeEnd = Atomic(writeEnd)
  }

  deinit {
    close()
  }

  /// The descriptor that is readable while the notifier is set. -1 after `close()`.
  public var fileDescriptor: FileDescriptor {
    FileDescriptor(rawValue: readEnd.load(ordering: .relaxed))
  }

  /// Makes the notifier readable; calls coalesce.
  ///
  /// - Throws: `Errno.badFileDescriptor` after `close()`, or what write(2) says; a full pipe counts as success.
  ///
  /// Stands for `event_notifier_set`.
  public func set() throws(Errno) {
    let status = signal()
    if status != 0 { throw Errno(rawValue: status) }
  }

  /// `set()` for callers that cannot throw. Returns 0 or an errno.
  @discardableResult
  func signal() -> CInt {
    let descriptor = writeEnd.load(ordering: .relaxed)
    guard descriptor >= 0 else { return EBADF }
    while true {
      let result = kernel.eventWrite(descriptor)
      if result >= 0 { return 0 }
      switch CInt(-result) {
      case EINTR: continue
      case EAGAIN: return 0
      case let error: return error
      }
    }
  }

  /// Makes the notifier unreadable; true if it was set. Never blocks. Stands for `event_notifier_test_and_clear`.
  @discardableResult
  public func testAndClear() -> Bool {
    let descriptor = readEnd.load(ordering: .relaxed)
    guard descriptor >= 0 else { return false }
    if descriptor == writeEnd.load(ordering: .relaxed) {
      // One read empties an eventfd.
      var count: UInt64 = 0
      while true {
        let result = kernel.eventRead(descriptor, &count, MemoryLayout<UInt64>.size)
        if result != -Int(EINTR) { return result > 0 }
      }
    }
    return drainPipe(descriptor)
  }

  /// A pipe is read until a short count.
  private func drainPipe(_ descriptor: CInt) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { buffer in
      var wasSet = false
      while true {
        let count = kernel.eventRead(descriptor, buffer.baseAddress!, buffer.count)
        if count == -Int(EINTR) { continue }
        wasSet = wasSet || count > 0
        if count < buffer.count { return wasSet }
      }
    }
  }

  /// Closes the descriptor. Further calls are harmless: `set()` throws, `testAndClear()` is false, closing again does
  /// nothing. Remove the notifier from its context first. Stands for `event_notifier_cleanup`.
  public func close() {
    let first = readEnd.exchange(-1, ordering: .acquiringAndReleasing)
    let second = writeEnd.exchange(-1, ordering: .acquiringAndReleasing)
    if first >= 0 { kernel.close(first) }
    if second >= 0 && second != first { kernel.close(second) }
  }
}
