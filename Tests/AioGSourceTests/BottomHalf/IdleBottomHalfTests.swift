// Contract 5.7 and 12: idle bottom halves, and the timeout that bottom halves call for.

import AioGSource
import Testing

extension AllTests {
  @Suite struct IdleBottomHalfTests {
    @Test(arguments: Combination.all)
    func oneThatRearmsItselfTicksEveryTenMilliseconds(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let runs = Counter()
      let handle = Box<BottomHalf?>(nil)
      handle.value = loop.context.makeBottomHalf {
        runs.increment()
        handle.value?.scheduleIdle()
      }
      handle.value?.scheduleIdle()
      // A busy machine ticks late, and an interrupted wait early: one good round of three will do. A loop that spins
      // has none.
      var counts: [Int] = []
      for _ in 0..<3 {
        runs.reset()
        let end = monotonicNow() + 100_000_000
        while monotonicNow() < end { loop.iterate(blocking: true) }
        counts.append(runs.value)
        if 5...12 ~= runs.value { break }
      }
      #expect(5...12 ~= counts.last!, "ticks in 100 ms: \(counts)")
      handle.value = nil
    }

    @Test(arguments: Combination.all)
    func itIsNotProgress(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let runs = Counter()
      let bottomHalf = loop.context.makeBottomHalf { runs.increment() }
      bottomHalf.scheduleIdle()
      #expect(!loop.context.poll(blocking: true))
      #expect(runs.value == 1)
    }

    @Test(arguments: Combination.all)
    func fromAnotherThreadItIsNotLost(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let runs = Counter()
      let bottomHalf = loop.context.makeBottomHalf { runs.increment() }
      let thread = TestThread {
        sleep(milliseconds: 20)
        bottomHalf.scheduleIdle()
      }
      #expect(loop.run(limit: .seconds(5)) { runs.value == 1 })
      thread.join()
    }

    @Test(arguments: Combination.all)
    func anOrdinaryScheduleOutranksIt(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let bottomHalf = loop.context.makeBottomHalf {}
      bottomHalf.scheduleIdle()
      #expect(loop.context.computeTimeout() == .milliseconds(10))
      bottomHalf.schedule()
      #expect(loop.context.computeTimeout() == .zero)
      #expect(loop.context.poll(blocking: true))
      bottomHalf.schedule()
      bottomHalf.scheduleIdle()
      #expect(loop.context.computeTimeout() == .zero)
      #expect(loop.context.poll(blocking: true))
    }

    @Test(arguments: Combination.all)
    func theTimeoutIsWhatIsDueFirst(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      #expect(context.computeTimeout() == nil)
      let bottomHalf = context.makeBottomHalf {}
      bottomHalf.schedule()
      #expect(context.computeTimeout() == .zero)
      bottomHalf.cancel()
      #expect(context.computeTimeout() == nil)
      let idle = context.makeBottomHalf {}
      idle.scheduleIdle()
      #expect(context.computeTimeout() == .milliseconds(10))
      let timer = context.makeTimer {}
      timer.arm(after: .milliseconds(3))
      let timeout = try #require(context.computeTimeout())
      #expect(timeout <= .milliseconds(3) && timeout > .zero)
      timer.cancel()
      idle.cancel()
      bottomHalf.delete()
      #expect(context.computeTimeout() == nil)
    }

    @Test(arguments: Combination.all)
    func whileNestedTheRestOfThePassCounts(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let seen = Box<Duration?>(.seconds(1))
      context.schedule { seen.value = context.computeTimeout() }
      context.schedule {}
      loop.iterate()
      #expect(seen.value == .zero)
    }
  }
}
