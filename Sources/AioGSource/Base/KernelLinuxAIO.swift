// Linux AIO, as the kernel's seam has it (Kernel.swift).

import CLiburing
import Glibc

class KernelLinuxAIO: KernelRings, @unchecked Sendable {
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
}
