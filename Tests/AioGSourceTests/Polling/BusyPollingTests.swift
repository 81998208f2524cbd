// Contract 10: busy polling in the loop. It runs under the poll driver; under GLib it must be off.

import Glibc
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct BusyPollingTests {
    private static let long = PollingParameters(maximum: .seconds(1), grow: 1_000_000)

    /// Opens the windows wide: an event that comes within reach of polling, twice.
    private func warmUp(_ loop: TestLoop, _ notifier: EventNotifier) throws {
      for _ in 0..<2 {
        let thread = TestThread {
          sleep(milliseconds: 2)
          try? notifier.set()
        }
        while !loop.iterate(blocking: true) {}
        thread.join()
      }
    }

    @Test(arguments: Combination.all)
    func aHandlerIsServedByPolling(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: Self.long)
      let notifier = try EventNotifier()
      let isReady = Flag()
      let polled = Counter()
      let readable = Counter()
      try loop.context.setHandler(
        for: notifier,
        onReadable: {
          $0.testAndClear()
          readable.increment()
        },
        poll: { _ in isReady.isSet },
        onPollReady: { _ in
          isReady.clear()
          polled.increment()
        })
      try warmUp(loop, notifier)
      #expect(readable.value >= 2)
      #expect(polled.value == 0)
      // Nothing but the flag says that there is work: only polling can find it.
      let thread = TestThread {
        sleep(milliseconds: 5)
        isReady.set()
        sleep(milliseconds: 100)
        try? notifier.set()
      }
      loop.run(limit: .seconds(5)) { polled.value == 1 || readable.value > 2 }
      thread.join()
      if combination.driver == .poll {
        #expect(polled.value == 1)
        #expect(loop.context.statistics.pollingHits == 1)
      } else {
        #expect(polled.value == 0)
      }
      loop.context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func withoutAReadyCallbackTheReaderIsCalled(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: Self.long)
      let notifier = try EventNotifier()
      let isReady = Flag()
      let calls = Counter()
      try loop.context.setHandler(
        for: notifier,
        onReadable: {
          $0.testAndClear()
          isReady.clear()
          calls.increment()
        },
        poll: { _ in isReady.isSet })
      try warmUp(loop, notifier)
      let before = calls.value
      isReady.set()
      if combination.driver == .glib { try notifier.set() }
      #expect(loop.run(limit: .seconds(5)) { calls.value == before + 1 })
      loop.context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func aHandlerWithoutPollCallbackIsNotStarved(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: Self.long)
      let notifier = try EventNotifier()
      let pair = Pair.pipe()
      let served = Counter()
      try loop.context.setHandler(
        for: notifier, onReadable: { $0.testAndClear() }, poll: { _ in false })
      try warmUp(loop, notifier)
      #expect(!loop.context.isPollingDisabled)
      try loop.context.setHandler(
        for: pair.reader,
        onReadable: {
          pair.drain()
          served.increment()
        })
      #expect(loop.context.isPollingDisabled)
      pair.write()
      let start = monotonicNow()
      #expect(loop.run(limit: .seconds(5)) { served.value == 1 })
      #expect(monotonicNow() - start < 500_000_000)
      loop.context.removeHandler(for: pair.reader)
      loop.context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func beganAndEndedAlternateAndOneLookFollows(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .init(maximum: .milliseconds(50), grow: 100))
      let notifier = try EventNotifier()
      let log = Log()
      try loop.context.setHandler(
        for: notifier,
        onReadable: { $0.testAndClear() },
        poll: { _ in
          if log.value.last != "poll" { log.add("poll") }
          return false
        })
      loop.iterate()
      loop.context.setPollTransitions(
        for: notifier, began: { _ in log.add("began") }, ended: { _ in log.add("ended") })
      for _ in 0..<5 {
        let thread = TestThread {
          usleep(300)
          try? notifier.set()
        }
        while !loop.iterate(blocking: true) {}
        thread.join()
      }
      let transitions = log.value.filter { $0 != "poll" }
      for (index, transition) in transitions.enumerated() {
        #expect(transition == (index % 2 == 0 ? "began" : "ended"))
      }
      for (index, line) in log.value.enumerated() where line == "ended" {
        #expect(index + 1 < log.value.count && log.value[index + 1] == "poll")
      }
      if combination.driver == .poll { #expect(transitions.contains("began")) }
      loop.context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func aReadyCallbackThatNestsIsNotCalledAgainInside(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: Self.long)
      let notifier = try EventNotifier()
      let isReady = Flag()
      let depth = Counter()
      let deepest = Box(0)
      let context = loop.context
      try context.setHandler(
        for: notifier, onReadable: { $0.testAndClear() },
        poll: { _ in isReady.isSet },
        onPollReady: { _ in
          deepest.value = max(deepest.value, depth.increment())
          if depth.value == 1 {
            context.schedule {}
            context.poll(blocking: true)
            isReady.clear()
          }
        })
      try warmUp(loop, notifier)
      isReady.set()
      if combination.driver == .poll {
        loop.run(limit: .seconds(5)) { depth.value > 0 }
        #expect(deepest.value == 1)
      }
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func fruitlessPollingCountsAgainstTheTimeout(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .init(maximum: .milliseconds(4)))
      let pair = Pair.pipe()
      let polls = Counter()
      // Only polled, so polled for all of the 4 ms.
      try loop.context.setHandler(
        for: pair.reader,
        poll: {
          polls.increment()
          return false
        })
      let timer = loop.context.makeTimer {}
      var shortest = Int64.max
      for _ in 0..<20 where shortest >= 7_000_000 {
        let start = monotonicNow()
        timer.arm(after: .milliseconds(5))
        loop.run(limit: .seconds(5)) { !timer.isPending }
        shortest = min(shortest, monotonicNow() - start)
        #expect(shortest >= 5_000_000)
      }
      // Not 9 ms, which it would be if the sleep began anew after the polling.
      #expect(shortest < 7_000_000)
      if combination.driver == .poll { #expect(polls.value > 100) }
      loop.context.removeHandler(for: pair.reader)
    }

    @Test(arguments: Combination.all)
    func anIdleHandlerLeavesAndItsLastLookCounts(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: Self.long)
      loop.context.busyPolling.idleLimit.store(1, ordering: .relaxed)
      let notifier = try EventNotifier()
      let looksAfterTheEnd = Counter()
      let hasEnded = Flag()
      let served = Counter()
      let context = loop.context
      try context.setHandler(
        for: notifier, onReadable: { $0.testAndClear() },
        poll: { _ in hasEnded.isSet && looksAfterTheEnd.increment() == 1 },
        onPollReady: { _ in served.increment() })
      let polled = Pair.pipe()
      let work = Counter()
      try warmUp(loop, notifier)
      context.setPollTransitions(for: notifier, began: nil, ended: { _ in hasEnded.set() })
      // It is polled for a second and leaves; what its last look finds must be served, not slept on.
      guard combination == Combination(driver: .poll, monitor: .ioURing) else {
        context.removeHandler(for: notifier)
        return
      }
      #expect(loop.run(limit: .seconds(5)) { served.value == 1 })
      #expect(hasEnded.isSet)
      context.removeHandler(for: notifier)
      // One that is only polled stays.
      try context.setPolling(.init(maximum: .milliseconds(1)))
      try context.setHandler(
        for: polled.reader,
        poll: {
          work.increment()
          return false
        })
      var before = 0
      for _ in 0..<5 {
        before = work.value
        let timer = context.makeTimer {}
        timer.arm(after: .milliseconds(3))
        loop.run(limit: .seconds(5)) { !timer.isPending }
      }
      #expect(work.value > before)
      context.removeHandler(for: polled.reader)
    }

    @Test(arguments: Combination.all)
    func leavingBusyModeMayNestAndArmTimers(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: Self.long)
      let notifiers = try (0..<2).map { _ in try EventNotifier() }
      let context = loop.context
      let isReady = Flag()
      for notifier in notifiers {
        try context.setHandler(
          for: notifier, onReadable: { $0.testAndClear() },
          poll: { _ in notifier === notifiers[0] && isReady.isSet },
          onPollReady: { _ in isReady.clear() })
        try notifier.set()
      }
      loop.settle()
      for _ in 0..<2 {
        let thread = TestThread {
          sleep(milliseconds: 2)
          try? notifiers[0].set()
        }
        while !context.poll(blocking: true) {}
        thread.join()
      }
      let fired = Flag()
      let timer = context.makeTimer { fired.set() }
      let nested = Counter()
      for notifier in notifiers {
        context.setPollTransitions(
          for: notifier, began: nil,
          ended: { _ in
            guard nested.increment() == 1 else { return }
            // Another thread arms a timer, and the nested poll takes notice of it.
            TestThread { timer.arm(after: .milliseconds(5)) }.join()
            context.poll(blocking: false)
          })
      }
      isReady.set()
      while isReady.isSet { context.poll(blocking: true) }
      try context.setPolling(.disabled)
      context.acceptNotification()
      let start = monotonicNow()
      while nested.value > 0 && !fired.isSet && monotonicNow() - start < 5_000_000_000 {
        loop.iterate(blocking: true)
      }
      if nested.value > 0 { #expect(fired.isSet) }
      timer.cancel()
      for notifier in notifiers { context.removeHandler(for: notifier) }
    }

    @Test(arguments: Combination.all)
    func aBottomHalfEndsBusyPolling(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: Self.long)
      let notifier = try EventNotifier()
      try loop.context.setHandler(
        for: notifier, onReadable: { $0.testAndClear() }, poll: { _ in false })
      try warmUp(loop, notifier)
      let ran = Counter()
      let context = loop.context
      for round in 1...10 {
        let start = monotonicNow()
        let thread = TestThread {
          sleep(milliseconds: 2)
          context.schedule { ran.increment() }
        }
        #expect(loop.run(limit: .seconds(5)) { ran.value == round })
        #expect(monotonicNow() - start < 500_000_000)
        thread.join()
      }
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func aHitDoesNotBeginTwice(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: Self.long)
      let notifier = try EventNotifier()
      let isReady = Flag()
      let hits = Counter()
      let log = Log()
      let context = loop.context
      try context.setHandler(
        for: notifier, onReadable: { $0.testAndClear() },
        poll: { _ in isReady.isSet },
        onPollReady: { _ in
          isReady.clear()
          // A nested wait that sleeps leaves busy mode, with this handler off the list.
          if hits.increment() == 2 {
            let timer = context.makeTimer {}
            timer.arm(after: .milliseconds(1))
            while timer.isPending { context.poll(blocking: true) }
          }
        })
      try warmUp(loop, notifier)
      context.setPollTransitions(
        for: notifier, began: { _ in log.add("began") }, ended: { _ in log.add("ended") })
      for round in 1...4 {
        isReady.set()
        if combination.driver == .poll { loop.run(limit: .seconds(5)) { hits.value == round } }
      }
      // Off, it has to leave busy mode before it sleeps.
      try context.setPolling(.disabled)
      let timer = context.makeTimer {}
      timer.arm(after: .milliseconds(2))
      loop.run(limit: .seconds(5)) { !timer.isPending }
      for (index, transition) in log.value.enumerated() {
        #expect(transition == (index % 2 == 0 ? "began" : "ended"))
      }
      if combination.driver == .poll { #expect(log.value.last == "ended") }
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func aHandlerWithOnlyAPollCallbackIsPolled(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .init(maximum: .milliseconds(200)))
      let pair = Pair.pipe()
      let work = Counter()
      try loop.context.setHandler(for: pair.reader, poll: { work.increment() >= 3 })
      if combination.driver == .poll {
        // The first may return for the notification that setting it was.
        while work.value < 3 { loop.context.poll(blocking: true) }
        #expect(work.value == 3)
      }
      loop.context.removeHandler(for: pair.reader)
    }

    @Test(arguments: Combination.all)
    func leavingBusyModeMayRemoveHandlers(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: Self.long)
      let notifiers = try (0..<3).map { _ in try EventNotifier() }
      let context = loop.context
      let isReady = Flag()
      for notifier in notifiers {
        try context.setHandler(
          for: notifier, onReadable: { $0.testAndClear() },
          poll: { _ in notifier === notifiers[0] && isReady.isSet },
          onPollReady: { _ in isReady.clear() })
      }
      // All on the list, and the first one's window open, by polls of our own: GLib's iterations do not busy poll.
      for notifier in notifiers { try notifier.set() }
      loop.settle()
      for _ in 0..<2 {
        let thread = TestThread {
          sleep(milliseconds: 2)
          try? notifiers[0].set()
        }
        while !context.poll(blocking: true) {}
        thread.join()
      }
      for notifier in notifiers {
        context.setPollTransitions(
          for: notifier, began: nil,
          ended: { _ in for other in notifiers { context.removeHandler(for: other) } })
      }
      isReady.set()
      while isReady.isSet { context.poll(blocking: true) }
      try context.setPolling(.disabled)
      // Under GLib it is prepare that leaves busy mode, outside any pass.
      let timer = context.makeTimer {}
      timer.arm(after: .milliseconds(2))
      loop.run(limit: .seconds(5)) { !timer.isPending }
      for notifier in notifiers { context.removeHandler(for: notifier) }
      #expect(context.statistics.handlers == 0)
    }

    @Test func negativeParametersAreRefusedAndChangeNothing() throws {
      let context = try AioContext()
      let wrong = PollingParameters(maximum: .nanoseconds(-1))
      #expect(throws: AioError.invalidPollingParameters(wrong)) { try context.setPolling(wrong) }
      #expect(throws: AioError.self) { try context.setPolling(.init(maximum: .zero, grow: -1)) }
      #expect(throws: AioError.self) { try AioContext(configuration: .init(polling: wrong)) }
      #expect(context.polling == .disabled)
      try context.setPolling(.ioThread)
      #expect(context.polling.maximum == .nanoseconds(32_768))
    }
  }
}
