// An io_uring in ordinary memory: liburing's inline functions work on it, and the fake kernel takes its entries and
// writes its completions. Home thread.
//
// As in the kernel, completions that find no place in the queue are kept in a list, a flag tells that there are such,
// and only entering for completions moves them into the queue. The descriptor is readable while there are completions.

import CLiburing
import Glibc

@testable import AioGSource

final class FakeRing: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<io_uring>
  private let script: Script
  private let numbers: UnsafeMutablePointer<UInt32>
  private var overflow: [io_uring_cqe] = []
  private var held: [(entry: io_uring_sqe, piece: Piece)] = []
  /// One-shot polls of descriptors that are not ready yet.
  private var polls: [io_uring_sqe] = []

  /// Takes nothing while completions overflow, as kernels before 5.19 do.
  var isBusyWhileOverflowed = false
  /// Whether asking for what is held to be cancelled helps.
  var canCancel = true
  /// The errno with which the next poll of a descriptor completes.
  var failingPolls: [CInt: CInt] = [:]
  /// How often a completion found no place.
  private(set) var overflows = 0
  /// What ASYNC_CANCEL came to, each time.
  private(set) var cancellations: [CInt] = []

  init(script: Script, submissionEntries: Int, completionEntries: Int) {
    self.script = script
    pointer = .allocate(capacity: 1)
    pointer.initialize(to: io_uring())
    // khead, ktail, kflags; khead, ktail.
    numbers = .allocate(capacity: 5)
    numbers.initialize(repeating: 0, count: 5)
    pointer.pointee.sq.khead = numbers
    pointer.pointee.sq.ktail = numbers + 1
    pointer.pointee.sq.kflags = numbers + 2
    pointer.pointee.sq.sqes = .allocate(capacity: submissionEntries)
    pointer.pointee.sq.sqes.initialize(repeating: io_uring_sqe(), count: submissionEntries)
    pointer.pointee.sq.ring_entries = UInt32(submissionEntries)
    pointer.pointee.sq.ring_mask = UInt32(submissionEntries - 1)
    pointer.pointee.cq.khead = numbers + 3
    pointer.pointee.cq.ktail = numbers + 4
    pointer.pointee.cq.cqes = .allocate(capacity: completionEntries)
    pointer.pointee.cq.cqes.initialize(to: io_uring_cqe())
    pointer.pointee.cq.ring_entries = UInt32(completionEntries)
    pointer.pointee.cq.ring_mask = UInt32(completionEntries - 1)
    pointer.pointee.ring_fd = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
    precondition(pointer.pointee.ring_fd >= 0)
  }

  /// The struct itself is the Ring's to free.
  func close() {
    Glibc.close(pointer.pointee.ring_fd)
    pointer.pointee.sq.sqes.deallocate()
    pointer.pointee.cq.cqes.deallocate()
    numbers.deallocate()
  }

  // MARK: What the kernel is called for

  func enter(posts: Bool) -> CInt {
    defer { finishPolls(timeout: 0) }
    if posts || isBusyWhileOverflowed { moveOverflow() }
    pointer.pointee.sq.sqe_head = pointer.pointee.sq.sqe_tail
    pointer.pointee.sq.ktail.pointee = pointer.pointee.sq.sqe_tail
    var count = pointer.pointee.sq.sqe_tail &- pointer.pointee.sq.khead.pointee
    if count == 0 { return 0 }
    switch script.nextSubmission() {
    case .error(let code): return -code
    case .accept(let limit): count = min(count, UInt32(limit))
    case nil: break
    }
    if isBusyWhileOverflowed && !overflow.isEmpty { return -EBUSY }
    for _ in 0..<count {
      let head = pointer.pointee.sq.khead.pointee
      let entry = pointer.pointee.sq.sqes[Int(head & pointer.pointee.sq.ring_mask)]
      pointer.pointee.sq.khead.pointee = head &+ 1
      begin(entry)
    }
    return CInt(count)
  }

  func post() -> CInt {
    moveOverflow()
    finishPolls(timeout: 0)
    return 0
  }

  /// Waits for a polled descriptor, so many milliseconds at most, -1 without limit. Whoever waits while something is held
  /// waits until that is done.
  func enterAndWait(timeout: CInt) -> CInt {
    let result = enter(posts: true)
    if result < 0 || hasCompletions { return result }
    if held.isEmpty {
      finishPolls(timeout: timeout)
    } else {
      release()
    }
    return hasCompletions ? result : -ETIME
  }

  // MARK: Requests

  private func begin(_ entry: io_uring_sqe) {
    if entry.opcode == UInt8(IORING_OP_ASYNC_CANCEL.rawValue) {
      cancel(entry)
      return
    }
    if entry.opcode == UInt8(IORING_OP_POLL_REMOVE.rawValue) {
      let index = polls.firstIndex { $0.user_data == entry.addr }
      if let index { complete(polls.remove(at: index), -ECANCELED) }
      complete(entry, index == nil ? -ENOENT : 0)
      return
    }
    if entry.opcode == UInt8(IORING_OP_POLL_ADD.rawValue) {
      if let code = failingPolls.removeValue(forKey: entry.fd) {
        complete(entry, -code)
      } else {
        polls.append(entry)
      }
      return
    }
    let piece = Self.piece(entry)
    if let result = Script.result(script.next(piece), piece) {
      complete(entry, CInt(result))
    } else {
      held.append((entry, piece))
    }
  }

  private static func piece(_ entry: io_uring_sqe) -> Piece {
    var piece = Piece(way: .ring, kind: .other, descriptor: entry.fd, flags: CInt(entry.flags))
    switch UInt32(entry.opcode) {
    case IORING_OP_READ.rawValue, IORING_OP_READV.rawValue: piece.kind = .read
    case IORING_OP_WRITE.rawValue, IORING_OP_WRITEV.rawValue: piece.kind = .write
    case IORING_OP_FSYNC.rawValue: piece.kind = .synchronize
    default: return piece
    }
    piece.offset = Int64(bitPattern: entry.off)
    let address = UnsafeMutableRawPointer(bitPattern: UInt(entry.addr))
    switch UInt32(entry.opcode) {
    case IORING_OP_READ.rawValue, IORING_OP_WRITE.rawValue:
      piece.vectors = [iovec(iov_base: address, iov_len: Int(entry.len))]
    case IORING_OP_READV.rawValue, IORING_OP_WRITEV.rawValue:
      let vectors = address!.assumingMemoryBound(to: iovec.self)
      piece.vectors = Array(UnsafeBufferPointer(start: vectors, count: Int(entry.len)))
    default: break
    }
    return piece
  }

  private func cancel(_ entry: io_uring_sqe) {
    var result = -ENOENT
    if let index = polls.firstIndex(where: { $0.user_data == entry.addr }) {
      complete(polls.remove(at: index), -ECANCELED)
      result = 0
    } else if let index = held.firstIndex(where: { $0.entry.user_data == entry.addr }) {
      if canCancel {
        complete(held.remove(at: index).entry, -ECANCELED)
        result = 0
      } else {
        result = -EALREADY
      }
    }
    cancellations.append(result)
    complete(entry, result)
  }

  /// Completes the polls of descriptors that are ready, or become it within the time.
  private func finishPolls(timeout: CInt) {
    var records = polls.map {
      pollfd(fd: $0.fd, events: Int16(truncatingIfNeeded: $0.poll32_events), revents: 0)
    }
    if timeout != 0 || !records.isEmpty {
      _ = Glibc.poll(&records, nfds_t(records.count), timeout)
    }
    for (index, record) in records.enumerated().reversed() where record.revents != 0 {
      complete(polls.remove(at: index), CInt(record.revents))
    }
    showReadiness()
  }

  /// Looks at what is polled, as the kernel would by itself.
  func look() { finishPolls(timeout: 0) }

  var heldCount: Int { held.count }

  /// What is held is answered.
  func release(_ answer: Answer = .perform) {
    let released = held
    held = []
    for (entry, piece) in released { complete(entry, CInt(Script.result(answer, piece)!)) }
    showReadiness()
  }

  // MARK: Completions

  private func complete(_ entry: io_uring_sqe, _ result: CInt) {
    if result >= 0 && entry.flags & UInt8(1 << IOSQE_CQE_SKIP_SUCCESS_BIT) != 0 { return }
    var completion = io_uring_cqe()
    completion.user_data = entry.user_data
    completion.res = result
    if overflow.isEmpty && hasPlace {
      write(completion)
    } else {
      overflows += 1
      overflow.append(completion)
      pointer.pointee.sq.kflags.pointee |= UInt32(IORING_SQ_CQ_OVERFLOW)
    }
  }

  private var hasPlace: Bool {
    pointer.pointee.cq.ktail.pointee &- pointer.pointee.cq.khead.pointee
      < pointer.pointee.cq.ring_entries
  }

  private func write(_ completion: io_uring_cqe) {
    let tail = pointer.pointee.cq.ktail.pointee
    let place = pointer.pointee.cq.cqes + Int(tail & pointer.pointee.cq.ring_mask)
    place.pointee.user_data = completion.user_data
    place.pointee.res = completion.res
    place.pointee.flags = 0
    pointer.pointee.cq.ktail.pointee = tail &+ 1
  }

  private func moveOverflow() {
    while hasPlace && !overflow.isEmpty { write(overflow.removeFirst()) }
    if overflow.isEmpty { pointer.pointee.sq.kflags.pointee &= ~UInt32(IORING_SQ_CQ_OVERFLOW) }
  }

  var hasCompletions: Bool { io_uring_cq_ready(pointer) != 0 || !overflow.isEmpty }

  /// Readable with completions there, and not without.
  private func showReadiness() {
    var value: UInt64 = 1
    if hasCompletions {
      _ = Glibc.write(pointer.pointee.ring_fd, &value, 8)
    } else {
      _ = Glibc.read(pointer.pointee.ring_fd, &value, 8)
    }
  }
}
