// Contract 11: timers in the loop.

import AioGSource
import Testing

extension AllTests {
  @Suite struct TimerTests {
    @Test(arguments: Combination.all)
    func itFiresOnceAndNotEarly(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let fired = Box<[Int64]>([])
      let timer = loop.context.makeTimer { fired.update { $0.append(monotonicNow()) } }
      #expect(!timer.isPending)
      let start = monotonicNow()
      timer.arm(after: .milliseconds(3))
      #expect(timer.isPending)
      #expect(loop.run(limit: .seconds(5)) { fired.value.count == 1 })
      #expect(fired.value[0] - start >= 3_000_000)
      #expect(!timer.isPending)
      #expect(timer.deadline == nil)
      sleep(milliseconds: 2)
      loop.settle()
      #expect(fired.value.count == 1)
    }

    @Test(arguments: Combination.all)
    func threeHundredMicrosecondsAreNotAMillisecond(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let fired = Box<Int64>(0)
      let timer = loop.context.makeTimer { fired.value = monotonicNow() }
      var medians: [Int64] = []
      // GLib's own timers are in the median more than 600 µs late. A busy machine may be late itself: best of three.
      for _ in 0..<3 where medians.last ?? .max >= 500_000 {
        var lateness: [Int64] = []
        for _ in 0..<51 {
          fired.value = 0
          let deadline = monotonicNow() + 300_000
          timer.arm(at: deadline)
          while fired.value == 0 { loop.iterate(blocking: true) }
          lateness.append(fired.value - deadline)
        }
        #expect(lateness.allSatisfy { $0 >= 0 })
        medians.append(lateness.sorted()[25])
      }
      #expect(medians.last! < 500_000, "medians: \(medians)")
    }

    @Test(arguments: Combination.all)
    func equalDeadlinesRunInOrderOfArming(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let log = Log()
      let timers = (0..<20).map { index in
        loop.context.makeTimer(name: "\(index)") { log.add("\(index)") }
      }
      let order = (0..<20).shuffled()
      for index in order { timers[index].arm(at: 1) }
      loop.iterate()
      #expect(log.value == order.map { "\($0)" })
    }

    @Test(arguments: Combination.all)
    func deadlinesRunInOrder(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let log = Log()
      let timers = [5, 1, 4, 2, 3].map { index in
        let timer = loop.context.makeTimer { log.add("\(index)") }
        timer.arm(at: Int64(index))
        return timer
      }
      loop.iterate()
      #expect(log.value == ["1", "2", "3", "4", "5"])
      withExtendedLifetime(timers) {}
    }

    @Test(arguments: Combination.all)
    func rearmedInItsCallbackForThePastItRunsInTheSamePass(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let calls = Counter()
      let handle = Box<AioTimer?>(nil)
      handle.value = loop.context.makeTimer {
        #expect(handle.value?.isPending == false)
        if calls.increment() < 5 { handle.value?.arm(at: 0) }
      }
      handle.value?.arm(at: 0)
      #expect(loop.iterate())
      #expect(calls.value == 5)
      handle.value = nil
    }

    @Test(arguments: Combination.all)
    func cancelledItDoesNotFire(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let calls = Counter()
      let timer = loop.context.makeTimer { calls.increment() }
      timer.arm(after: .milliseconds(1))
      timer.cancel()
      timer.cancel()
      sleep(milliseconds: 3)
      loop.settle()
      #expect(calls.value == 0)
      #expect(loop.context.computeTimeout() == nil)
    }

    @Test(arguments: Combination.all)
    func oneThatIsLetGoOfDoesNotFire(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let calls = Counter()
      var timer: AioTimer? = loop.context.makeTimer { calls.increment() }
      timer?.arm(at: 0)
      timer = nil
      loop.settle()
      #expect(calls.value == 0)
    }

    @Test(arguments: Combination.all)
    func aCallbackMayCancelAnotherThatIsDue(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let log = Log()
      let second = Box<AioTimer?>(nil)
      let first = loop.context.makeTimer {
        log.add("first")
        second.value?.cancel()
      }
      second.value = loop.context.makeTimer { log.add("second") }
      first.arm(at: 1)
      second.value?.arm(at: 1)
      loop.settle()
      #expect(log.value == ["first"])
      second.value = nil
    }

    @Test(arguments: Combination.all)
    func aCallbackMayLetGoOfItsTimer(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let calls = Counter()
      let handle = Box<AioTimer?>(nil)
      handle.value = loop.context.makeTimer {
        handle.value = nil
        calls.increment()
      }
      handle.value?.arm(at: 0)
      loop.settle()
      #expect(calls.value == 1)
    }

    @Test(arguments: Combination.all)
    func aCallbackMayBeTheLastOwnerOfOtherTimers(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      final class Connection: @unchecked Sendable {
        var connect: AioTimer?
        var idle: AioTimer?
        let freed: Flag
        init(_ freed: Flag) { self.freed = freed }
        deinit { freed.set() }
      }
      let freed = Flag()
      do {
        let connection = Connection(freed)
        connection.idle = loop.context.makeTimer {}
        connection.idle?.arm(after: .seconds(100))
        connection.connect = loop.context.makeTimer { connection.connect = nil }
        connection.connect?.arm(at: 0)
      }
      #expect(!freed.isSet)
      loop.iterate()
      #expect(freed.isSet)
      #expect(loop.context.statistics.timers == 0)
    }

    @Test(arguments: Combination.all)
    func handlesMayGoOnOtherThreadsWhileTheirTimersRun(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let done = Flag()
      let thread = TestThread {
        for _ in 0..<5_000 {
          let timer = context.makeTimer {}
          timer.arm(at: 0)
        }
        context.schedule { done.set() }
      }
      #expect(loop.run(limit: .seconds(60)) { done.isSet })
      thread.join()
      loop.settle()
      #expect(context.statistics.timers == 0)
    }

    @Test(arguments: Combination.all)
    func armIfSoonerOnlyMovesForward(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let timer = loop.context.makeTimer {}
      let time = Int64.max / 2
      timer.armIfSooner(at: time)
      #expect(timer.deadline == time)
      timer.armIfSooner(at: time + 1)
      #expect(timer.deadline == time)
      timer.armIfSooner(at: time - 1)
      #expect(timer.deadline == time - 1)
      timer.arm(at: time)
      #expect(timer.deadline == time)
      timer.cancel()
    }

    @Test(arguments: Combination.all)
    func negativeTimesComeFirstInOrder(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let log = Log()
      let zero = loop.context.makeTimer { log.add("zero") }
      let negative = loop.context.makeTimer { log.add("negative") }
      zero.arm(at: 0)
      negative.arm(at: -7)
      // Both count as 0, so the one armed first goes first (H14).
      #expect(negative.deadline == 0)
      loop.iterate()
      #expect(log.value == ["zero", "negative"])
    }

    @Test(arguments: Combination.all)
    func expiryIsAQuestionToAnArmedTimer(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let timer = loop.context.makeTimer(scale: .milliseconds, attributes: .external) {}
      #expect(timer.attributes == .external)
      #expect(!timer.hasExpired(at: .max))
      timer.arm(at: .max / 2_000_000)
      #expect(timer.hasExpired(at: .max))
      #expect(!timer.hasExpired(at: 1))
      timer.cancel()
    }

    @Test(arguments: Combination.all)
    func anotherThreadMayArmASoonerOne(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let late = loop.context.makeTimer {}
      late.arm(after: .seconds(30))
      let fired = Flag()
      let soon = loop.context.makeTimer { fired.set() }
      let thread = TestThread {
        sleep(milliseconds: 10)
        soon.arm(after: .milliseconds(5))
      }
      let start = monotonicNow()
      #expect(loop.run(limit: .seconds(5)) { fired.isSet })
      #expect(monotonicNow() - start < 1_000_000_000)
      thread.join()
      late.cancel()
    }

    @Test(arguments: Combination.all)
    func aMillionAreArmedMovedAndCancelledInNoTime(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let timers = (0..<1_000_000).map { _ in loop.context.makeTimer(name: "one of many") {} }
      let start = monotonicNow()
      for (index, timer) in timers.enumerated() {
        timer.arm(at: .max / 2 + Int64((index &* 7919) % 1_000_003))
      }
      #expect(loop.context.statistics.timers == timers.count)
      let fired = Flag()
      let first = loop.context.makeTimer { fired.set() }
      first.arm(at: 0)
      loop.iterate()
      #expect(fired.isSet)
      for timer in timers { timer.cancel() }
      #expect(loop.context.statistics.timers == 0)
      // A list would take hours.
      #expect(monotonicNow() - start < 60_000_000_000)
    }
  }
}
