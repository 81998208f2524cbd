// Contract 6.8, 10.3: entering and leaving busy mode, and who takes part in it.

import Glibc
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct BusyModeTests {
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
      let loop = try TestLoop(combination, polling: .wide)
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
      loop.openWindows(notifier)
      isReady.set()
      if combination.driver == .poll {
        loop.run(limit: .seconds(5)) { depth.value > 0 }
        #expect(deepest.value == 1)
      }
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func anIdleHandlerLeavesAndItsLastLookCounts(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .wide)
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
      loop.openWindows(notifier)
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
      let loop = try TestLoop(combination, polling: .wide)
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
    func aHitDoesNotBeginTwice(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .wide)
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
      loop.openWindows(notifier)
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
    func leavingBusyModeMayRemoveHandlers(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .wide)
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
  }
}
