// Contract 7.

import AioGSource
import Glibc
import Testing

extension AllTests {
  @Suite struct ExternalClientTests {
    @Test(arguments: Combination.all)
    func theyAreNotServedWhileDisabledAndNothingIsLost(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let notifier = try EventNotifier()
      let calls = Counter()
      try context.setHandler(
        for: notifier, isExternal: true,
        onReadable: {
          $0.testAndClear()
          calls.increment()
        })
      loop.settle()
      #expect(!context.externalClientsDisabled)
      context.disableExternalClients()
      context.disableExternalClients()
      #expect(context.externalClientsDisabled)
      try notifier.set()
      loop.settle()
      #expect(calls.value == 0)
      context.enableExternalClients()
      loop.settle()
      #expect(calls.value == 0)
      context.enableExternalClients()
      loop.settle()
      #expect(calls.value == 1)
      #expect(!context.externalClientsDisabled)
      // And again: it is watched as before.
      try notifier.set()
      loop.settle()
      #expect(calls.value == 2)
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func othersAreServedMeanwhile(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let external = try EventNotifier()
      let inner = try EventNotifier()
      let log = Log()
      try context.setHandler(
        for: external, isExternal: true,
        onReadable: {
          $0.testAndClear()
          log.add("external")
        })
      try context.setHandler(
        for: inner,
        onReadable: {
          $0.testAndClear()
          log.add("inner")
        })
      loop.settle()
      context.disableExternalClients()
      try external.set()
      try inner.set()
      context.schedule { log.add("bottom half") }
      loop.settle()
      #expect(log.value == ["bottom half", "inner"])
      context.enableExternalClients()
      loop.settle()
      #expect(log.value.last == "external")
      context.removeHandler(for: external)
      context.removeHandler(for: inner)
    }

    @Test(arguments: Combination.all)
    func disabledInTheSamePassTheyAreNotServed(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let notifier = try EventNotifier()
      let calls = Counter()
      try context.setHandler(
        for: notifier, isExternal: true,
        onReadable: {
          $0.testAndClear()
          calls.increment()
        })
      loop.settle()
      try notifier.set()
      context.schedule { context.disableExternalClients() }
      loop.settle()
      #expect(calls.value == 0)
      context.enableExternalClients()
      loop.settle()
      #expect(calls.value == 1)
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func enablingFromAnotherThreadWakesTheLoop(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let notifier = try EventNotifier(active: true)
      let calls = Counter()
      context.disableExternalClients()
      context.disableExternalClients()
      try context.setHandler(
        for: notifier, isExternal: true,
        onReadable: {
          $0.testAndClear()
          calls.increment()
        })
      let start = monotonicNow()
      let thread = TestThread {
        sleep(milliseconds: 20)
        context.enableExternalClients()
        sleep(milliseconds: 20)
        context.enableExternalClients()
      }
      #expect(loop.run(limit: .seconds(5)) { calls.value == 1 })
      #expect(monotonicNow() - start >= 39_000_000)
      thread.join()
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func removingASuspendedOneIsFinal(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let notifier = try EventNotifier(active: true)
      let calls = Counter()
      context.disableExternalClients()
      for _ in 0..<3 {
        try context.setHandler(
          for: notifier, isExternal: true, onReadable: { _ in calls.increment() })
        loop.settle()
      }
      context.removeHandler(for: notifier)
      context.enableExternalClients()
      loop.settle()
      #expect(calls.value == 0)
    }

    @Test(arguments: Combination.all)
    func isServicedSaysWhoIs(_ combination: Combination) throws {
      let context = try TestLoop(combination).context
      #expect(context.isServiced(isExternal: true))
      context.disableExternalClients()
      #expect(!context.isServiced(isExternal: true))
      #expect(context.isServiced(isExternal: false))
      context.enableExternalClients()
    }

    @Test func enablingMoreOftenThanDisablingTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        try AioContext().enableExternalClients()
      }
      expectSentence("external clients were enabled more often than they were disabled", in: result)
    }
  }
}
