// Contract 11.1, 11.9: the four clocks.

import AioGSource
import Testing

extension AllTests {
  @Suite struct ClockTests {
    @Test func onlyTheVirtualClockStartsDisabled() {
      #expect(AioClock.realtime.isEnabled)
      #expect(!AioClock.virtual.isEnabled)
      #expect(AioClock.host.isEnabled)
      #expect(AioClock.virtualRealtime.isEnabled)
    }

    @Test(arguments: Combination.all)
    func everyClockFires(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      AioClock.virtual.enable()
      defer { AioClock.virtual.disable() }
      for clock in AioClock.allCases {
        let fired = Box<Int64>(0)
        let timer = loop.context.makeTimer(clock: clock, scale: .microseconds) {
          fired.value = clock.now
        }
        let deadline = clock.now / 1_000 + 500
        timer.arm(at: deadline)
        #expect(loop.run(limit: .seconds(5)) { fired.value != 0 })
        #expect(fired.value >= deadline * 1_000)
        #expect(timer.clock == clock)
      }
    }

    @Test(arguments: Combination.all)
    func aDisabledClockHoldsItsTimersAndEnablingWakesTheLoop(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let fired = Flag()
      let timer = loop.context.makeTimer(clock: .virtual) { fired.set() }
      timer.arm(at: 0)
      loop.settle()
      #expect(!fired.isSet)
      #expect(!loop.context.poll(blocking: false))
      #expect(loop.context.computeTimeout() == nil)
      let thread = TestThread {
        sleep(milliseconds: 20)
        AioClock.virtual.enable()
      }
      let start = monotonicNow()
      #expect(loop.run(limit: .seconds(5)) { fired.isSet })
      #expect(monotonicNow() - start < 1_000_000_000)
      thread.join()
      AioClock.virtual.disable()
    }

    @Test(arguments: Combination.all)
    func disablingWaitsForTheCallbackThatRuns(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      AioClock.virtual.enable()
      let isRunning = Flag()
      let hasEnded = Flag()
      let timer = loop.context.makeTimer(clock: .virtual) {
        isRunning.set()
        sleep(milliseconds: 20)
        hasEnded.set()
      }
      timer.arm(at: 0)
      let sawTheEnd = Flag()
      let thread = TestThread {
        while !isRunning.isSet { sleep(milliseconds: 1) }
        AioClock.virtual.disable()
        if hasEnded.isSet { sawTheEnd.set() }
      }
      loop.settle()
      thread.join()
      #expect(sawTheEnd.isSet)
      #expect(!AioClock.virtual.isEnabled)
    }

    @Test func disablingFromItsOwnCallbackTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let context = try AioContext()
        AioClock.virtual.enable()
        let timer = context.makeTimer(clock: .virtual) { AioClock.virtual.disable() }
        timer.arm(at: 0)
        context.poll(blocking: false)
      }
      expectSentence(
        "a clock was disabled from a callback of one of its own timers, which would wait for itself",
        in: result)
    }
  }
}
