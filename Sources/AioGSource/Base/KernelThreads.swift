// Threads, as the kernel's seam has them (Kernel.swift).

import CLiburing
import Glibc

class KernelThreads: KernelSockets, @unchecked Sendable {
  /// pthread_create(3), which returns its errno: made negative.
  func threadCreate(
    _ thread: UnsafeMutablePointer<pthread_t>, _ argument: UnsafeMutableRawPointer,
    _ main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
  ) -> CInt {
    -pthread_create(thread, nil, main, argument)
  }
}
