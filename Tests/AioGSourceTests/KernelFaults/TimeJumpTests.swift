// Clocks that are set while timers are armed on them: forwards and backwards, under each driver over each monitor.
// Contract 11.1, 11.7.

import Glibc
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct TimeJumpTests {
    private static let hour: Int64 = 3_600_000_000_000

    @Test(arguments: Combination.all)
    func theWallClockIsSetForwards(_ combination: Combination) throws {
      let faulty = try FaultyLoop(combination)
      let log = Log()
      let timers = ["later", "sooner", "never"].map { name in
        faulty.context.makeTimer(clock: .host, name: name) { log.add(name) }
      }
      timers[0].arm(after: .seconds(3_000))
      timers[1].arm(after: .seconds(2_000))
      timers[2].arm(after: .seconds(9_000))
      faulty.settle()
      #expect(log.value.isEmpty)
      faulty.kernel.jump(CLOCK_REALTIME, by: Self.hour)
      #expect(faulty.run { log.value.count == 2 })
      faulty.settle()
      #expect(log.value == ["sooner", "later"])
      timers[2].cancel()
    }

    /// Not before its clock says so, and then soon: the sleep is as long as the clock was set back, and no longer.
    @Test(arguments: Combination.all)
    func theWallClockIsSetBackwards(_ combination: Combination) throws {
      let faulty = try FaultyLoop(combination)
      let kernel = faulty.kernel
      let firedAt = Box<Int64?>(nil)
      let timer = faulty.context.makeTimer(clock: .host) {
        firedAt.value = kernel.now(on: .host)
      }
      let start = monotonicNow()
      timer.arm(after: .milliseconds(60))
      let deadline = try #require(timer.deadline)
      // Asleep for it, as it was.
      faulty.iterate()
      kernel.jump(CLOCK_REALTIME, by: -30_000_000)
      #expect(faulty.run { firedAt.value != nil })
      #expect(try #require(firedAt.value) >= deadline)
      #expect(monotonicNow() - start >= 90_000_000)
      #expect(monotonicNow() - start < 4_000_000_000)
    }

    @Test(arguments: Combination.all, [-1, 1])
    func otherClocksDoNotJumpWithIt(_ combination: Combination, _ direction: Int64) throws {
      let faulty = try FaultyLoop(combination)
      let fired = Counter()
      let timer = faulty.context.makeTimer { fired.increment() }
      let start = monotonicNow()
      timer.arm(after: .milliseconds(5))
      faulty.iterate()
      faulty.kernel.jump(CLOCK_REALTIME, by: direction * Self.hour)
      #expect(faulty.run { fired.value == 1 })
      #expect(monotonicNow() - start >= 5_000_000)
    }

    /// As after a suspended machine, or a thread that was not run for long: what is due runs in order, once.
    @Test(arguments: Combination.all)
    func muchTimeHasPassedAtOnce(_ combination: Combination) throws {
      let faulty = try FaultyLoop(combination)
      let log = Log()
      let timers = [30, 10, 20, 10].enumerated().map { index, seconds in
        let timer = faulty.context.makeTimer { log.add("\(index)") }
        timer.arm(after: .seconds(seconds))
        return timer
      }
      faulty.settle()
      #expect(log.value.isEmpty)
      faulty.kernel.jump(CLOCK_MONOTONIC, by: Self.hour)
      #expect(faulty.run { log.value.count == 4 })
      faulty.settle()
      #expect(log.value == ["1", "3", "2", "0"])
      #expect(timers.allSatisfy { !$0.isPending })
    }
  }
}
