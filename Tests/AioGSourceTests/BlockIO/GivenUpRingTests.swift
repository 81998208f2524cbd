// A ring that the monitor gave up is not its own again: the kernel may still have its polls, and what they end with speaks of
// handlers that were freed.

import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct GivenUpRingTests {
    @Test func itIsNotTheMonitorsAgain() throws {
      let context = try AioContext()
      let kernel = FakeKernel()
      let io = ContextIO(context: context, kernel: kernel)
      context.requireHome()
      context.loopIO = io
      defer {
        kernel.script.failSubmissions(nil)
        _ = io.close()
        context.loopIO = nil
      }
      let (ring, fake) = kernel.makeRing(submissionEntries: 64, completionEntries: 128)
      let backend = RingBackend(io: io, ring: ring, isShared: false)
      io.add(backend)
      io.ringBackend = backend
      context.wantRing()
      let pair = Pair.pipe()
      try context.setHandler(for: pair.reader, onReadable: {})
      context.poll(blocking: false)
      #expect((context.activeMonitor as? RingMonitor)?.ring === ring)

      // The kernel does not serve it any more: neither what is asked for, nor what is taken back.
      kernel.script.failSubmissions(EINVAL)
      let another = try EventNotifier()
      try context.setHandler(for: another, onReadable: { $0.testAndClear() })
      for _ in 0..<3 { context.poll(blocking: false) }
      #expect(context.monitor == .epoll)
      context.removeHandler(for: pair.reader)
      context.removeHandler(for: another)

      // In the memory of the first, as it happens; nothing makes it ready.
      let called = Counter()
      let idle = try EventNotifier()
      defer { context.removeHandler(for: idle) }
      try context.setHandler(for: idle, onReadable: { _ in called.increment() })
      // Which the kernel tells of what it still polls for the one that was freed.
      pair.write()
      fake.look()
      try context.setPolling(.init(maximum: .microseconds(1)))
      for _ in 0..<3 {
        context.poll(blocking: false)
        // A ring of its own, if one can be had.
        #expect((context.activeMonitor as? RingMonitor)?.ring !== ring)
      }
      #expect(called.value == 0)
    }
  }
}
