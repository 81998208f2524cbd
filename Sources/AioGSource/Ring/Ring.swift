// One io_uring: set-up and probing, the submission queue, the completion queue. It knows nothing of what the requests
// are for: completions go to whoever takes them, those whose user_data has `clientTag` to the ring's client. So the fd
// monitor and the I/O engine of a context share one ring. Home thread only, but for `make`.
//
// Set up without DEFER_TASKRUN: under it GLib's poll of the ring's descriptor spins or sleeps through events.
// COOP_TASKRUN spares the thread interrupts, and TASKRUN_FLAG tells, without a system call, that the kernel has
// completions to post. SINGLE_ISSUER is left out because a GMainContext may move to another thread.

import CLiburing
import Glibc
import SystemPackage

/// Who else uses a ring than the one who takes its completions.
class RingClient {
  /// A completion with the client's tag. It may prepare entries; it must not call anybody back.
  func complete(_ userData: UInt64, _ result: Int32, _ flags: UInt32) {}
}

final class Ring: @unchecked Sendable {
  /// In the lowest bit of a client's user_data: what else is there are addresses, and even.
  static let clientTag: UInt64 = 1

  let pointer: UnsafeMutablePointer<io_uring>
  /// Not retained: it holds us, and takes itself off.
  var client: Unmanaged<RingClient>?
  let kernel: Kernel
  private let canSkipCompletions: Bool

  /// Takes over a ring that was set up; `features` are those the kernel said it has.
  init(pointer: UnsafeMutablePointer<io_uring>, features: UInt32, kernel: Kernel) {
    self.pointer = pointer
    self.kernel = kernel
    canSkipCompletions = features & UInt32(IORING_FEAT_CQE_SKIP) != 0
  }

  /// - Throws: the errno of io_uring_setup(2) (EPERM or ENOSYS where it is denied), or ENOSYS where
  ///   the kernel's io_uring lacks what the loop needs: timed waits, no lost completions, and the
  ///   poll operations.
  static func make(
    submissionEntries: UInt32 = 128, completionEntries: UInt32 = 1024, kernel: Kernel = .system
  ) throws(Errno) -> Ring {
    let pointer = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    pointer.initialize(to: io_uring())
    var parameters = io_uring_params()
    var status: CInt = 0
    let base = UInt32(IORING_SETUP_CQSIZE) | UInt32(IORING_SETUP_CLAMP)
    // These are newer than everything else here: do without where they are refused. SUBMIT_ALL has one request that
    // fails at once not hold up those behind it.
    let newer =
      UInt32(IORING_SETUP_COOP_TASKRUN) | UInt32(IORING_SETUP_TASKRUN_FLAG)
      | UInt32(IORING_SETUP_SUBMIT_ALL)
    for flags in [base | newer, base] {
      parameters = io_uring_params()
      parameters.flags = flags
      parameters.cq_entries = completionEntries
      status = kernel.ringSetUp(pointer, entries: submissionEntries, &parameters)
      if status != -EINVAL { break }
    }
    if status < 0 {
      pointer.deallocate()
      throw Errno(rawValue: -status)
    }
    let ring = Ring(pointer: pointer, features: parameters.features, kernel: kernel)
    let needed = UInt32(IORING_FEAT_EXT_ARG) | UInt32(IORING_FEAT_NODROP)
    if parameters.features & needed != needed
      || !ring.supports([IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE])
    {
      throw .noFunction
    }
    return ring
  }

  deinit {
    kernel.ringClose(pointer)
    pointer.deallocate()
  }

  /// Whether the kernel knows all of these operations.
  func supports(_ operations: [io_uring_op]) -> Bool {
    kernel.ringSupports(pointer, operations)
  }

  var descriptor: CInt { pointer.pointee.ring_fd }

  // MARK: Submission

  /// The next free entry, zeroed; nil if the kernel takes none of the full queue just now.
  @inline(__always)
  func nextEntry() -> UnsafeMutablePointer<io_uring_sqe>? {
    var entry = io_uring_get_sqe(pointer)
    if entry == nil {
      _ = submit()
      entry = io_uring_get_sqe(pointer)
    }
    // liburing leaves what was there, a stale user_data included.
    entry?.initialize(to: io_uring_sqe())
    return entry
  }

  /// Asks for no completion where the request succeeds, if the kernel can leave it out.
  func skipSuccess(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    if canSkipCompletions { entry.pointee.flags |= UInt8(1 << IOSQE_CQE_SKIP_SUCCESS_BIT) }
  }

  @inline(__always)
  var hasPreparedEntries: Bool { io_uring_sq_ready(pointer) != 0 }

  /// Gives the kernel what is prepared, without waiting. 0 or an errno; EBUSY and EAGAIN pass when completions have
  /// been taken out.
  @discardableResult
  func submit() -> CInt {
    while true {
      let result = kernel.ringSubmit(pointer)
      if result >= 0 { return 0 }
      if result != -EINTR { return -result }
    }
  }

  /// Takes back the entries that the kernel has not taken, and hands over their user_data.
  func dropPreparedEntries(_ body: (_ userData: UInt64) -> Void) {
    let head = pointer.pointee.sq.khead.pointee
    let count = pointer.pointee.sq.sqe_tail &- head
    var dropped: [UInt64] = []
    for index in 0..<count {
      let entry = pointer.pointee.sq.sqes + Int((head &+ index) & pointer.pointee.sq.ring_mask)
      dropped.append(entry.pointee.user_data)
    }
    pointer.pointee.sq.sqe_head = head
    pointer.pointee.sq.sqe_tail = head
    pointer.pointee.sq.ktail.pointee = head
    dropped.forEach(body)
  }

  /// Gives the kernel what is prepared, and lets it post what it holds back: completions that overflowed, or that wait
  /// for the thread to enter. Does not wait, and does not enter where there is no reason to.
  @discardableResult
  func submitAndPost() -> CInt {
    if hasPreparedEntries {
      let result = kernel.ringSubmitAndPost(pointer)
      return result < 0 && result != -EINTR ? -result : 0
    }
    if aiogs_ring_wants_entry(pointer) != 0 {
      let result = kernel.ringPost(pointer)
      return result < 0 && result != -EINTR ? -result : 0
    }
    return 0
  }

  /// Gives the kernel what is prepared and waits for a completion, `timeout` nanoseconds at most; -1: no limit. Returns
  /// early when a signal comes. 0 or an errno.
  func submitAndWait(timeout: Int64) -> CInt {
    while true {
      let result: CInt
      if timeout < 0 {
        result = kernel.ringSubmitAndWait(pointer, nil)
      } else {
        var time = __kernel_timespec(
          tv_sec: Int64(min(timeout / 1_000_000_000, Int64(Int32.max))),
          tv_nsec: timeout % 1_000_000_000)
        result = kernel.ringSubmitAndWait(pointer, &time)
      }
      switch -result {
      case ETIME, EINTR: return 0
      case let error where error > 0: return error
      default: break
      }
      // It may return because it submitted, without a completion: only one of those ends an endless wait.
      if timeout >= 0 || hasCompletions { return 0 }
    }
  }

  // MARK: Completion

  /// Whether there are completions, or the kernel holds some back.
  @inline(__always)
  var hasCompletions: Bool {
    io_uring_cq_ready(pointer) != 0 || aiogs_ring_wants_entry(pointer) != 0
  }

  /// Hands over every completion that is in the queue; what the kernel holds back comes with the next `submitAndPost`.
  /// `body` gets those that are not the client's. It may prepare entries; it must not take completions, nor call back.
  @inline(__always)
  func takeCompletions(_ body: (_ userData: UInt64, _ result: Int32) -> Void) {
    while true {
      let count = io_uring_cq_ready(pointer)
      if count == 0 { return }
      let mask = pointer.pointee.cq.ring_mask
      let head = pointer.pointee.cq.khead.pointee
      var index: UInt32 = 0
      while index < count {
        let entry = pointer.pointee.cq.cqes + Int((head &+ index) & mask)
        let userData = entry.pointee.user_data
        if userData & Self.clientTag != 0 {
          completeForClient(userData, entry.pointee.res, entry.pointee.flags)
        } else {
          body(userData, entry.pointee.res)
        }
        index += 1
      }
      io_uring_cq_advance(pointer, count)
    }
  }

  @inline(__always)
  private func completeForClient(_ userData: UInt64, _ result: Int32, _ flags: UInt32) {
    guard let client else { return }
    client._withUnsafeGuaranteedRef { $0.complete(userData & ~Self.clientTag, result, flags) }
  }
}
