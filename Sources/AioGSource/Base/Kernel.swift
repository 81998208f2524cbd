// The seam between the I/O engines and the kernel, for the system calls that may be short, refused or late: those of the
// ring and of Linux AIO, and transfers. What the engines call besides (fsync, sockets, epoll) they call directly. Any thread.
//
// A class without subclasses in the library, so an optimised build calls straight through; a test puts a subclass in
// its place that answers what it likes: short transfers, EAGAIN, EBUSY, a queue that overflows. Methods return what the
// call returns, or a negative errno.

import CLiburing
import Glibc

class Kernel: @unchecked Sendable {
  static let system = Kernel()

  // MARK: io_uring

  /// Whether it knows all of these operations.
  func ringSupports(
    _ ring: UnsafeMutablePointer<io_uring>, _ operations: [io_uring_op]
  ) -> Bool {
    guard let probe = io_uring_get_probe_ring(ring) else { return false }
    defer { io_uring_free_probe(probe) }
    return operations.allSatisfy { io_uring_opcode_supported(probe, CInt($0.rawValue)) != 0 }
  }

  /// Gives the kernel the prepared entries. How many it took.
  func ringSubmit(_ ring: UnsafeMutablePointer<io_uring>) -> CInt {
    io_uring_submit(ring)
  }

  /// The same, and has it post completions that it holds back.
  func ringSubmitAndPost(_ ring: UnsafeMutablePointer<io_uring>) -> CInt {
    io_uring_submit_and_get_events(ring)
  }

  /// Has it post completions that it holds back.
  func ringPost(_ ring: UnsafeMutablePointer<io_uring>) -> CInt {
    io_uring_get_events(ring)
  }

  /// The same as `ringSubmit`, and waits for a completion; nil: without limit.
  func ringSubmitAndWait(
    _ ring: UnsafeMutablePointer<io_uring>, _ timeout: UnsafeMutablePointer<__kernel_timespec>?
  ) -> CInt {
    guard let timeout else { return io_uring_submit_and_wait(ring, 1) }
    var completion: UnsafeMutablePointer<io_uring_cqe>?
    return io_uring_submit_and_wait_timeout(ring, &completion, 1, timeout, nil)
  }

  func ringClose(_ ring: UnsafeMutablePointer<io_uring>) {
    io_uring_queue_exit(ring)
  }

  // MARK: Linux AIO

  func aioSetUp(_ entries: UInt32, _ context: UnsafeMutablePointer<aio_context_t>) -> Int {
    aiogs_io_setup(entries, context)
  }

  func aioSubmit(
    _ context: aio_context_t, _ blocks: UnsafeMutablePointer<UnsafeMutablePointer<iocb>?>,
    _ count: Int
  ) -> Int {
    aiogs_io_submit(context, count, blocks)
  }

  func aioCancel(_ context: aio_context_t, _ block: UnsafeMutablePointer<iocb>) -> Int {
    var event = io_event()
    return aiogs_io_cancel(context, block, &event)
  }

  /// Takes what is finished, waiting for `minimum` of them.
  func aioGetEvents(
    _ context: aio_context_t, minimum: Int, _ events: UnsafeMutablePointer<io_event>, _ count: Int
  ) -> Int {
    aiogs_io_getevents(context, minimum, count, events, nil)
  }

  func aioDestroy(_ context: aio_context_t) {
    _ = aiogs_io_destroy(context)
  }

  // MARK: Plain calls

  /// preadv2(2); offset -1 is the file's own position.
  func read(
    _ descriptor: CInt, _ vectors: UnsafePointer<iovec>, _ count: CInt, _ offset: Int64,
    _ flags: CInt
  ) -> Int {
    let result =
      flags == 0 && offset < 0
      ? readv(descriptor, vectors, count)
      : preadv2(descriptor, vectors, count, off_t(offset), flags)
    return result >= 0 ? result : -Int(errno)
  }

  /// pwritev2(2); offset -1 is the file's own position.
  func write(
    _ descriptor: CInt, _ vectors: UnsafePointer<iovec>, _ count: CInt, _ offset: Int64,
    _ flags: CInt
  ) -> Int {
    let result =
      flags == 0 && offset < 0
      ? writev(descriptor, vectors, count)
      : pwritev2(descriptor, vectors, count, off_t(offset), flags)
    return result >= 0 ? result : -Int(errno)
  }

  /// The flags of an open descriptor, O_DIRECT and O_NONBLOCK among them.
  func statusFlags(_ descriptor: CInt) -> CInt {
    let flags = fcntl(descriptor, F_GETFL)
    return flags >= 0 ? flags : -errno
  }
}
