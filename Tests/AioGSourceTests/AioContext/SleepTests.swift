// Architecture's bars, contract 28: one second asleep costs under 1 ms of CPU, whatever is registered.

import AioGSource
import CTestSupport
import Glibc
import Testing

extension AllTests {
  @Suite struct SleepTests {
    /// Nanoseconds of CPU time that a second of blocking iterations costs the thread.
    private func secondAsleep(
      _ combination: Combination,
      with setUp: @escaping @Sendable (TestLoop) throws -> @Sendable () -> Void
    ) -> Int {
      let cost = Box(Int.max)
      TestThread {
        do {
          let loop = try TestLoop(combination)
          let tearDown = try setUp(loop)
          for _ in 0..<5 { loop.iterate() }
          let end = Flag()
          let timer = loop.context.makeTimer { end.set() }
          timer.arm(after: .seconds(1))
          let before = aiogs_test_thread_cpu_time()
          while !end.isSet { loop.iterate(blocking: true) }
          cost.value = aiogs_test_thread_cpu_time() - before
          tearDown()
        } catch { Issue.record(error) }
      }.join()
      return cost.value
    }

    /// A sanitizer's own work counts too.
    private let limit = aiogs_test_is_sanitized() ? 20_000_000 : 1_000_000

    @Test(arguments: Combination.all)
    func withNothingToDo(_ combination: Combination) {
      Tally.count(combination)
      #expect(secondAsleep(combination) { _ in {} } < limit)
    }

    @Test(arguments: Combination.all)
    func withIdleDescriptorsAndALaterTimer(_ combination: Combination) {
      Tally.count(combination)
      let cost = secondAsleep(combination) { loop in
        let pairs = (0..<10).map { _ in Pair.sockets() }
        for pair in pairs { try loop.context.setHandler(for: pair.reader, onReadable: {}) }
        let timer = loop.context.makeTimer {}
        timer.arm(after: .seconds(60))
        return {
          timer.cancel()
          for pair in pairs { loop.context.removeHandler(for: pair.reader) }
        }
      }
      #expect(cost < limit)
    }

    @Test(arguments: Combination.all)
    func withDescriptorsWhosePeerHungUp(_ combination: Combination) {
      Tally.count(combination)
      let cost = secondAsleep(combination) { loop in
        let context = loop.context
        // One that is only polled, one whose reader gives up at the end, one whose writer does.
        let polled = Pair.sockets()
        let read = Pair.sockets()
        let written = Pair.pipe()
        written.fill()
        try context.setHandler(for: polled.reader, poll: { false })
        try context.setHandler(
          for: read.reader,
          onReadable: {
            if read.drain() == 0 { context.removeHandler(for: read.reader) }
          })
        try context.setHandler(
          for: written.writer, onWritable: { context.removeHandler(for: written.writer) })
        loop.iterate()
        polled.closeWriter()
        read.closeWriter()
        written.closeReader()
        return { context.removeHandler(for: polled.reader) }
      }
      #expect(cost < limit)
    }

    @Test(arguments: Combination.all)
    func withAReadyExternalDescriptorWhileThoseAreDisabled(_ combination: Combination) {
      Tally.count(combination)
      let cost = secondAsleep(combination) { loop in
        let context = loop.context
        let readable = Pair.sockets()
        let hungUp = Pair.sockets()
        try context.setHandler(for: readable.reader, isExternal: true, onReadable: {})
        try context.setHandler(for: hungUp.reader, isExternal: true, onReadable: {})
        context.disableExternalClients()
        readable.write()
        hungUp.closeWriter()
        return {
          context.removeHandler(for: readable.reader)
          context.removeHandler(for: hungUp.reader)
          context.enableExternalClients()
        }
      }
      #expect(cost < limit)
    }

    @Test(arguments: Combination.all)
    func withAWakeUpThatCameWhileAwake(_ combination: Combination) {
      Tally.count(combination)
      let cost = secondAsleep(combination) { loop in
        loop.context.notify()
        loop.context.makeBottomHalf {}.schedule()
        return {}
      }
      #expect(cost < limit)
    }

    @Test(arguments: Combination.all)
    func withAnIdleBottomHalfThatRearmsItself(_ combination: Combination) {
      Tally.count(combination)
      let cost = secondAsleep(combination) { loop in
        let handle = Box<BottomHalf?>(nil)
        handle.value = loop.context.makeBottomHalf { handle.value?.scheduleIdle() }
        handle.value?.scheduleIdle()
        return { handle.value = nil }
      }
      #expect(cost < tickLimit)
    }

    /// 5 ms above what as many bare sleeps cost: on a virtual machine that alone may be 6 ms. Debug code and a
    /// sanitizer's work cost more than is promised.
    private var tickLimit: Int {
      let before = aiogs_test_thread_cpu_time()
      for _ in 0..<100 {
        var time = timespec(tv_sec: 0, tv_nsec: 10_000_000)
        nanosleep(&time, nil)
      }
      let bare = aiogs_test_thread_cpu_time() - before
      if aiogs_test_is_sanitized() { return bare + 100_000_000 }
      return bare + (_isDebugAssertConfiguration() ? 15_000_000 : 5_000_000)
    }
  }
}
