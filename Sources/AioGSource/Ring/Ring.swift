// One io_uring: set-up and probing, the submission queue, the completion queue. It knows nothing of what the requests
// are for. Home thread only, but for `make`.
//
// Set up without DEFER_TASKRUN: under it GLib's poll of the ring's descriptor spins or sleeps through events.
// COOP_TASKRUN spares the thread interrupts, and TASKRUN_FLAG tells, without a system call, that the kernel has
// completions to post. SINGLE_ISSUER is left out because a GMainContext may move to another thread.

import CLiburing
import Glibc
import SystemPackage

final class Ring {
  let pointer: UnsafeMutablePointer<io_uring>
  private let canSkipCompletions: Bool

  private init(pointer: UnsafeMutablePointer<io_uring>, features: UInt32) {
    self.pointer = pointer
    canSkipCompletions = features & UInt32(IORING_FEAT_CQE_SKIP) != 0
  }

  /// - Throws: the errno of io_uring_setup(2) (EPERM or ENOSYS where it is denied), or ENOSYS where
  ///   the kernel's io_uring lacks what the loop needs: timed waits, no lost completions, and the
  ///   poll operations.
  static func make(submissionEntries: UInt32, completionEntries: UInt32) throws(Errno) -> Ring {
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
      status = io_uring_queue_init_params(submissionEntries, pointer, &parameters)
      if status != -EINVAL { break }
    }
    if status < 0 {
      pointer.deallocate()
      throw Errno(rawValue: -status)
    }
    let ring = Ring(pointer: pointer, features: parameters.features)
    let needed = UInt32(IORING_FEAT_EXT_ARG) | UInt32(IORING_FEAT_NODROP)
    if parameters.features & needed != needed
      || !supports([IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE], on: pointer)
    {
      throw .noFunction
    }
    return ring
  }

  deinit {
    io_uring_queue_exit(pointer)
    pointer.deallocate()
  }

  private static func supports(
    _ operations: [io_uring_op], on ring: UnsafeMutablePointer<io_uring>
  ) -> Bool {
    guard let probe = io_uring_get_probe_ring(ring) else { return false }
    defer { io_uring_free_probe(probe) }
    return operations.allSatisfy { io_uring_opcode_supported(probe, CInt($0.rawValue)) != 0 }
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

  var hasPreparedEntries: Bool { io_uring_sq_ready(pointer) != 0 }

  /// Gives the kernel what is prepared, without waiting. 0 or an errno; EBUSY and EAGAIN pass when completions have
  /// been taken out.
  @discardableResult
  func submit() -> CInt {
    while true {
      let result = io_uring_submit(pointer)
      if result >= 0 { return 0 }
      if result != -EINTR { return -result }
    }
  }

  /// Gives the kernel what is prepared, and lets it post what it holds back: completions that overflowed, or that wait
  /// for the thread to enter. Does not wait, and does not enter where there is no reason to.
  @discardableResult
  func submitAndPost() -> CInt {
    if hasPreparedEntries {
      let result = io_uring_submit_and_get_events(pointer)
      return result < 0 && result != -EINTR ? -result : 0
    }
    if aiogs_ring_wants_entry(pointer) != 0 {
      let result = io_uring_get_events(pointer)
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
        result = io_uring_submit_and_wait(pointer, 1)
      } else {
        var time = __kernel_timespec(
          tv_sec: Int64(min(timeout / 1_000_000_000, Int64(Int32.max))),
          tv_nsec: timeout % 1_000_000_000)
        var completion: UnsafeMutablePointer<io_uring_cqe>?
        result = io_uring_submit_and_wait_timeout(pointer, &completion, 1, &time, nil)
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

  /// Hands over every completion that is there. `body` may prepare entries; it must not take completions.
  @inline(__always)
  func takeCompletions(_ body: (_ userData: UInt64, _ result: Int32) -> Void) {
    var completion: UnsafeMutablePointer<io_uring_cqe>?
    while io_uring_peek_cqe(pointer, &completion) == 0, let entry = completion {
      let userData = entry.pointee.user_data
      let result = entry.pointee.res
      // Consumed before it is acted on, so that the kernel has its place back.
      io_uring_cq_advance(pointer, 1)
      body(userData, result)
    }
  }
}
