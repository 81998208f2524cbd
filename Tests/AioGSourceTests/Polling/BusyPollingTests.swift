// Contract 10: busy polling in the loop. It runs under the poll driver; under GLib it must be off.

import Glibc
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct BusyPollingTests {
    @Test(arguments: Combination.all)
    func aHandlerIsServedByPolling(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .wide)
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
      loop.openWindows(notifier)
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
      let loop = try TestLoop(combination, polling: .wide)
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
      loop.openWindows(notifier)
      let before = calls.value
      isReady.set()
      if combination.driver == .glib { try notifier.set() }
      #expect(loop.run(limit: .seconds(5)) { calls.value == before + 1 })
      loop.context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func aHandlerWithoutPollCallbackIsNotStarved(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .wide)
      let notifier = try EventNotifier()
      let pair = Pair.pipe()
      let served = Counter()
      try loop.context.setHandler(
        for: notifier, onReadable: { $0.testAndClear() }, poll: { _ in false })
      loop.openWindows(notifier)
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
      for _ in 0..<300 where shortest >= 7_000_000 {
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
    func aBottomHalfEndsBusyPolling(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .wide)
      let notifier = try EventNotifier()
      try loop.context.setHandler(
        for: notifier, onReadable: { $0.testAndClear() }, poll: { _ in false })
      loop.openWindows(notifier)
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
