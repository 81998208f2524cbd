// io_uring, as the kernel's seam has it (Kernel.swift).

import CLiburing
import Glibc

class KernelRings: @unchecked Sendable {
  typealias RingPointer = UnsafeMutablePointer<io_uring>

  func ringSetUp(
    _ ring: RingPointer, entries: UInt32, _ parameters: UnsafeMutablePointer<io_uring_params>
  ) -> CInt {
    io_uring_queue_init_params(entries, ring, parameters)
  }

  /// Whether it knows all of these operations.
  func ringSupports(_ ring: RingPointer, _ operations: [io_uring_op]) -> Bool {
    guard let probe = io_uring_get_probe_ring(ring) else { return false }
    defer { io_uring_free_probe(probe) }
    return operations.allSatisfy { io_uring_opcode_supported(probe, CInt($0.rawValue)) != 0 }
  }

  /// Gives the kernel the prepared entries. How many it took.
  func ringSubmit(_ ring: RingPointer) -> CInt {
    io_uring_submit(ring)
  }

  /// The same, and has it post completions that it holds back.
  func ringSubmitAndPost(_ ring: RingPointer) -> CInt {
    io_uring_submit_and_get_events(ring)
  }

  /// Has it post completions that it holds back.
  func ringPost(_ ring: RingPointer) -> CInt {
    io_uring_get_events(ring)
  }

  /// The same as `ringSubmit`, and waits for a completion; nil: without limit.
  func ringSubmitAndWait(
    _ ring: RingPointer, _ timeout: UnsafeMutablePointer<__kernel_timespec>?
  ) -> CInt {
    guard let timeout else { return io_uring_submit_and_wait(ring, 1) }
    var completion: UnsafeMutablePointer<io_uring_cqe>?
    return io_uring_submit_and_wait_timeout(ring, &completion, 1, timeout, nil)
  }

  func ringRegisterBuffers(_ ring: RingPointer, _ buffers: UnsafePointer<iovec>, _ count: Int)
    -> CInt
  {
    io_uring_register_buffers(ring, buffers, UInt32(count))
  }

  func ringUnregisterBuffers(_ ring: RingPointer) -> CInt {
    io_uring_unregister_buffers(ring)
  }

  func ringRegisterFiles(_ ring: RingPointer, _ files: UnsafePointer<CInt>, _ count: Int) -> CInt {
    io_uring_register_files(ring, files, UInt32(count))
  }

  func ringUnregisterFiles(_ ring: RingPointer) -> CInt {
    io_uring_unregister_files(ring)
  }

  func ringClose(_ ring: RingPointer) {
    io_uring_queue_exit(ring)
  }
}
