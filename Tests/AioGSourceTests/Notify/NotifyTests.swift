// Contract 4.7, 4.8: notifying a loop.

import AioGSource
import Testing

extension AllTests {
  @Suite struct NotifyTests {
    @Test(arguments: Combination.all)
    func aWakeUpAloneIsNotProgress(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      let context = loop.context
      let start = monotonicNow()
      let isNotified = Flag()
      let thread = TestThread {
        sleep(milliseconds: 50)
        isNotified.set()
        context.notify()
      }
      // Again, because the kernel may interrupt a wait for reasons of its own.
      repeat {
        #expect(!context.poll(blocking: true))
      } while !isNotified.isSet
      let elapsed = monotonicNow() - start
      #expect(elapsed >= 45_000_000)
      #expect(elapsed < 1_000_000_000)
      thread.join()
    }

    @Test(arguments: Combination.all)
    func notifyingASleepingLoopEndsItsIteration(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      let context = loop.context
      let hasEnded = Flag()
      let thread = TestThread {
        // Again, for one that comes before the iteration looks does not keep GLib from sleeping.
        while !hasEnded.isSet {
          sleep(milliseconds: 20)
          context.notify()
        }
      }
      let start = monotonicNow()
      loop.iterate(blocking: true)
      #expect(monotonicNow() - start < 1_000_000_000)
      hasEnded.set()
      thread.join()
    }

    @Test(arguments: Combination.all)
    func oneThatComesEarlyEndsTheNextWait(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      loop.context.notify()
      loop.context.notify()
      let start = monotonicNow()
      #expect(!loop.context.poll(blocking: true))
      #expect(monotonicNow() - start < 1_000_000_000)
      // The two count as one: the next wait sleeps until its timer.
      let timer = loop.context.makeTimer {}
      loop.context.poll(blocking: false)
      timer.arm(after: .milliseconds(30))
      loop.context.poll(blocking: false)
      #expect(loop.pollUntilProgress() <= 2)
      #expect(monotonicNow() - start >= 30_000_000)
    }

    @Test(arguments: Combination.all)
    func acceptingTakesNoticeOfIt(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      let timer = loop.context.makeTimer {}
      // The kernel may interrupt a wait for reasons of its own: one of three has to last.
      var longest: Int64 = 0
      for _ in 0..<3 where longest < 15_000_000 {
        let start = monotonicNow()
        timer.arm(after: .milliseconds(20))
        loop.context.notify()
        loop.context.acceptNotification()
        loop.context.poll(blocking: true)
        longest = max(longest, monotonicNow() - start)
        timer.cancel()
      }
      #expect(longest >= 15_000_000)
    }

    @Test(arguments: Combination.all)
    func aPollBetweenPrepareAndGLibsSleepDoesNotSwallowItsWakeUp(_ combination: Combination) throws
    {
      let loop = try TestLoop(combination)
      guard let mainContext = loop.mainContext else {
        // Alone there is no such gap; the nested poll itself is what is left of it.
        loop.context.schedule { [context = loop.context] in context.poll(blocking: false) }
        #expect(loop.iterate())
        return
      }
      // A source whose prepare runs after ours polls the context: what wakes that poll was meant for GLib.
      let context = loop.context
      let helper = PreparingSource(attachedTo: mainContext)
      let ran = Flag()
      let bottomHalf = context.makeBottomHalf { ran.set() }
      helper.onPrepare = {
        context.notify()
        context.poll(blocking: true)
        bottomHalf.schedule()
      }
      #expect(loop.run(limit: .seconds(5)) { ran.isSet })
      helper.onPrepare = nil
      helper.destroy()
    }

    @Test(arguments: Combination.all)
    func aPollInAMoreUrgentSourcesCallbackSleeps(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      guard let mainContext = loop.mainContext else { return }
      let context = loop.context
      // Our prepare runs, an urgent source is ready, and GLib skips our check: the window stays open meanwhile.
      let waits = Counter()
      let callback = Box {
        let done = Flag()
        let timer = context.makeTimer { done.set() }
        timer.arm(after: .milliseconds(30))
        let notify = TestThread {
          sleep(milliseconds: 5)
          context.notify()
        }
        while !done.isSet {
          context.poll(blocking: true)
          waits.increment()
        }
        notify.join()
      }
      let source = urgentSource(callback)
      attach(source, to: mainContext)
      for _ in 0..<10 where waits.value == 0 { loop.iterate(blocking: true) }
      #expect(waits.value >= 1)
      #expect(waits.value < 8)
    }
  }
}
