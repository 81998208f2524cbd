// Contract 4.9, 5.6, 28: other threads and the loop.

import AioGSource
import CTestSupport
import Glibc
import Synchronization
import Testing

extension AllTests {
  @Suite struct CrossThreadTests {
    @Test(arguments: Combination.all)
    func whatWasWrittenBeforeTheScheduleIsSeen(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      final class Payload: @unchecked Sendable { var value = 0 }
      let payload = Payload()
      let sum = Counter()
      let seen = Box(0)
      let bottomHalf = loop.context.makeBottomHalf {
        seen.value = payload.value
        sum.increment()
      }
      for round in 1...200 {
        let thread = TestThread {
          payload.value = round
          bottomHalf.schedule()
        }
        #expect(loop.run { sum.value == round })
        #expect(seen.value == round)
        thread.join()
      }
    }

    @Test(arguments: Combination.all)
    func noWakeUpIsLostUnderStress(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let ran = Counter()
      let threads = 4
      let rounds = 2_500
      let context = loop.context
      let producers = (0..<threads).map { seed in
        TestThread {
          var random = UInt32(seed * 7919 + 1)
          for _ in 0..<rounds {
            random = random &* 1_664_525 &+ 1_013_904_223
            if random >> 30 == 0 {
              usleep(random >> 24)
            } else {
              // Not sched_yield, which on a busy machine gives up a time slice.
              let end = monotonicNow() + Int64(random >> 27) * 100
              while monotonicNow() < end {}
            }
            context.schedule { ran.increment() }
          }
        }
      }
      var longest: Int64 = 0
      var before = monotonicNow()
      while ran.value < threads * rounds {
        loop.iterate(blocking: true)
        let now = monotonicNow()
        longest = max(longest, now - before)
        before = now
        if longest > 5_000_000_000 { break }
      }
      for producer in producers { producer.join() }
      #expect(ran.value == threads * rounds)
      #expect(longest < 1_000_000_000)
    }

    @Test(arguments: Combination.all)
    func aSleepingLoopIsWrittenToAtMostOncePerSleep(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let ran = Counter()
      let rounds = 2_000
      let bottomHalves = (0..<8).map { _ in loop.context.makeBottomHalf { ran.increment() } }
      let go = Counter()
      let before = loop.context.statistics
      let thread = TestThread {
        for round in 0..<rounds {
          while go.value < round { sched_yield() }
          // Several at once: the loop sleeps, and one write has to do for all.
          for bottomHalf in bottomHalves { bottomHalf.schedule() }
        }
      }
      for round in 1...rounds {
        while ran.value < round * bottomHalves.count { loop.iterate(blocking: true) }
        go.increment()
      }
      thread.join()
      let after = loop.context.statistics
      let sleeps =
        combination.driver == .poll
        ? after.waits - before.waits : after.iterations - before.iterations
      #expect(after.wakeUpsSent - before.wakeUpsSent <= sleeps)
      #expect(after.bottomHalvesRun - before.bottomHalvesRun == rounds * bottomHalves.count)
    }

    @Test(arguments: Combination.all)
    func aBusyLoopIsHardlyWrittenTo(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let ran = Counter()
      let done = Flag()
      // Keeps the loop from ever sleeping.
      let spinner = Box<BottomHalf?>(nil)
      spinner.value = loop.context.makeBottomHalf {
        if !done.isSet { spinner.value?.schedule() }
      }
      spinner.value?.schedule()
      loop.iterate()
      let before = loop.context.statistics.wakeUpsSent
      let context = loop.context
      let thread = TestThread {
        for _ in 0..<10_000 { context.schedule { ran.increment() } }
      }
      while ran.value < 10_000 { loop.iterate(blocking: true) }
      thread.join()
      done.set()
      loop.settle()
      let sent = loop.context.statistics.wakeUpsSent - before
      #expect(sent < 10)
      spinner.value = nil
    }

    @Test(arguments: Combination.all)
    func aSleepingLoopWakesSoon(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let scheduled = Box<Int64>(0)
      let latencies = Box<[Int64]>([])
      let bottomHalf = loop.context.makeBottomHalf {
        let latency = monotonicNow() - scheduled.value
        latencies.update { $0.append(latency) }
      }
      for round in 1...41 {
        let thread = TestThread {
          sleep(milliseconds: 2)
          scheduled.value = monotonicNow()
          bottomHalf.schedule()
        }
        #expect(loop.run { latencies.value.count == round })
        thread.join()
      }
      #expect(latencies.value.sorted()[20] < 5_000_000)
    }

    @Test(arguments: Combination.all)
    func handlesMayBeUsedAndDroppedByOtherThreads(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let dropped = Counter()
      let rounds = 1_000
      let threads = (0..<2).map { index in
        TestThread {
          for _ in 0..<rounds {
            var token: Token? = Token { dropped.increment() }
            var bottomHalf: BottomHalf? = context.makeBottomHalf { [token] in
              withExtendedLifetime(token) {}
            }
            token = nil
            let shared = bottomHalf!
            let other = TestThread {
              shared.schedule()
              shared.schedule()
            }
            bottomHalf?.schedule()
            if index == 0 { bottomHalf?.delete() }
            bottomHalf?.schedule()
            bottomHalf = nil
            other.join()
          }
        }
      }
      #expect(loop.run(limit: .seconds(60)) { dropped.value == 2 * rounds })
      for thread in threads { thread.join() }
      #expect(dropped.value == 2 * rounds)
    }

    @Test(arguments: Combination.all)
    func schedulingFromASignalHandlerWakesTheLoop(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let ran = Flag()
      let bottomHalf = loop.context.makeBottomHalf { ran.set() }
      signalTarget.store(Unmanaged.passUnretained(bottomHalf), ordering: .releasing)
      let before = signal(SIGUSR1) { _ in
        signalTarget.load(ordering: .acquiring)?._withUnsafeGuaranteedRef { $0.schedule() }
      }
      let thread = TestThread {
        sleep(milliseconds: 20)
        kill(getpid(), SIGUSR1)
      }
      #expect(loop.run(limit: .seconds(5)) { ran.isSet })
      thread.join()
      signal(SIGUSR1, before)
      signalTarget.store(nil, ordering: .releasing)
    }
  }
}

private let signalTarget = Atomic<Unmanaged<BottomHalf>?>(nil)
