// Contract 6: setting, removing, and what is called when.

import AioGSource
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite struct HandlerTests {
    @Test(arguments: Combination.all)
    func aReadableDescriptorIsServedUntilItIsDrained(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.pipe()
      let calls = Counter()
      try loop.context.setHandler(for: pair.reader, onReadable: { calls.increment() })
      loop.settle()
      #expect(calls.value == 0)
      pair.write()
      // Level-triggered: nobody drains it, so every iteration finds it ready.
      for expected in 1...5 {
        #expect(loop.iterate())
        #expect(calls.value == expected)
      }
      pair.drain()
      loop.settle()
      let after = calls.value
      #expect(after <= 6)
      loop.settle()
      #expect(calls.value == after)
      loop.context.removeHandler(for: pair.reader)
    }

    @Test(arguments: Combination.all)
    func aWritableDescriptorIsServed(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.sockets()
      let calls = Counter()
      let context = loop.context
      pair.fill()
      try context.setHandler(
        for: pair.writer,
        onWritable: {
          calls.increment()
          context.removeHandler(for: pair.writer)
        })
      loop.settle()
      #expect(calls.value == 0)
      while pair.drain() > 0 {}
      #expect(loop.run(limit: .seconds(5)) { calls.value == 1 })
      loop.settle()
      #expect(calls.value == 1)
    }

    @Test(arguments: Combination.all)
    func aBlockedIterationEndsWhenDataComes(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.pipe()
      let got = Counter()
      try loop.context.setHandler(
        for: pair.reader,
        onReadable: {
          pair.drain()
          got.increment()
        })
      for round in 1...20 {
        let thread = TestThread {
          sleep(milliseconds: 1)
          pair.write()
        }
        #expect(loop.run(limit: .seconds(5)) { got.value == round })
        thread.join()
      }
      loop.context.removeHandler(for: pair.reader)
    }

    @Test(arguments: Combination.all)
    func replacingSwitchesCallbacksAtOnce(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.sockets()
      let log = Log()
      let context = loop.context
      try context.setHandler(for: pair.reader, onReadable: { log.add("read") })
      pair.write()
      loop.iterate()
      #expect(log.value == ["read"])
      try context.setHandler(
        for: pair.reader,
        onWritable: {
          log.add("write")
          context.removeHandler(for: pair.reader)
        })
      loop.settle()
      #expect(log.value == ["read", "write"])
    }

    @Test(arguments: Combination.all)
    func removingLeavesNoTrace(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.pipe()
      let before = loop.context.isPollingDisabled
      weak var captured: Counter?
      for _ in 0..<1_000 {
        let object = Counter()
        captured = object
        try loop.context.setHandler(for: pair.reader, onReadable: { object.increment() })
        try loop.context.setHandler(
          for: pair.reader, onReadable: { object.increment() }, onWritable: {}, poll: { false })
        loop.context.removeHandler(for: pair.reader)
      }
      #expect(loop.run(limit: .seconds(5)) { captured == nil })
      #expect(loop.context.isPollingDisabled == before)
      #expect(loop.context.statistics.handlers == 0)
    }

    @Test(arguments: Combination.all)
    func removingAnUnknownDescriptorDoesNothing(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let skipped = loop.context.statistics.wakeUpsSkipped
      loop.context.removeHandler(for: FileDescriptor(rawValue: 12_345))
      loop.context.removeHandler(for: FileDescriptor(rawValue: -1))
      #expect(loop.context.statistics.wakeUpsSkipped == skipped)
    }

    @Test(arguments: Combination.all)
    func settingWithoutCallbacksRemoves(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.pipe()
      let calls = Counter()
      try loop.context.setHandler(for: pair.reader, onReadable: { calls.increment() })
      try loop.context.setHandler(for: pair.reader)
      pair.write()
      loop.settle()
      #expect(calls.value == 0)
    }

    @Test(arguments: Combination.all)
    func removedInItsReaderTheWriterDoesNotRun(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.sockets()
      let log = Log()
      let context = loop.context
      pair.write()
      try context.setHandler(
        for: pair.reader,
        onReadable: {
          log.add("read")
          context.removeHandler(for: pair.reader)
        },
        onWritable: { log.add("write") })
      loop.settle()
      #expect(log.value == ["read"])
    }

    @Test(arguments: Combination.all)
    func twoThatRemoveEachOtherRunOneCallback(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pairs = [Pair.pipe(), Pair.pipe()]
      let calls = Counter()
      let context = loop.context
      for (mine, other) in [(0, 1), (1, 0)] {
        pairs[mine].write()
        try context.setHandler(
          for: pairs[mine].reader,
          onReadable: {
            calls.increment()
            context.removeHandler(for: pairs[other].reader)
            pairs[mine].drain()
          })
      }
      loop.settle()
      #expect(calls.value == 1)
      for pair in pairs { context.removeHandler(for: pair.reader) }
    }

    @Test(arguments: Combination.all)
    func removingAndClosingInANestedPassOfItsOwnCallbackIsSafe(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.sockets()
      let context = loop.context
      let calls = Counter()
      let freed = Flag()
      do {
        let token = Token { freed.set() }
        try context.setHandler(
          for: pair.reader,
          onReadable: {
            context.schedule {
              context.removeHandler(for: pair.reader)
              pair.closeReader()
            }
            context.poll(blocking: false)
            withExtendedLifetime(token) { _ = calls.increment() }
          })
      }
      pair.write()
      loop.settle()
      #expect(calls.value == 1)
      #expect(loop.run(limit: .seconds(5)) { freed.isSet })
    }

    @Test(arguments: Combination.all)
    func removedAndClosedThePeerSeesTheEnd(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.sockets()
      try loop.context.setHandler(for: pair.reader, onReadable: {})
      loop.settle()
      loop.context.removeHandler(for: pair.reader)
      pair.closeReader()
      loop.settle()
      #expect(Pair.drain(pair.writer) == 0)
    }

    @Test(arguments: Combination.all)
    func handlersRunAfterBottomHalvesAndBeforeTimers(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.pipe()
      let log = Log()
      let context = loop.context
      try context.setHandler(
        for: pair.reader,
        onReadable: {
          log.add("handler")
          pair.drain()
          context.schedule { log.add("next pass") }
        })
      loop.settle()
      let timer = context.makeTimer { log.add("timer") }
      pair.write()
      timer.arm(at: 0)
      context.schedule { log.add("bottom half") }
      loop.iterate()
      #expect(log.value == ["bottom half", "handler", "timer"])
      // What the handler scheduled must not be slept on.
      let start = monotonicNow()
      loop.iterate(blocking: true)
      #expect(log.value.last == "next pass")
      #expect(monotonicNow() - start < 1_000_000_000)
      context.removeHandler(for: pair.reader)
    }

    @Test(arguments: Combination.all)
    func eventNotifiersAreHandedToTheirCallbacks(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let notifier = try EventNotifier(active: true)
      let calls = Counter()
      try loop.context.setHandler(
        for: notifier,
        onReadable: { given in
          #expect(given === notifier)
          #expect(given.testAndClear())
          calls.increment()
        })
      loop.settle()
      #expect(calls.value == 1)
      try notifier.set()
      try notifier.set()
      #expect(loop.iterate())
      #expect(calls.value == 2)
      loop.context.removeHandler(for: notifier)
      try notifier.set()
      loop.settle()
      #expect(calls.value == 2)
    }

    @Test(arguments: Combination.all)
    func anotherThreadMayAddAndRemove(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let served = Counter()
      let done = Flag()
      let thread = TestThread {
        for round in 1...200 {
          let pair = Pair.pipe()
          pair.write()
          try? context.setHandler(
            for: pair.reader,
            onReadable: {
              pair.drain()
              served.increment()
            })
          while served.value < round { sched_yield() }
          context.removeHandler(for: pair.reader)
          let isPast = Flag()
          context.schedule { isPast.set() }
          while !isPast.isSet { sched_yield() }
        }
        // By a bottom half: under GLib a mere notification while the loop is awake ends no later sleep.
        context.schedule { done.set() }
      }
      #expect(loop.run(limit: .seconds(30)) { done.isSet })
      thread.join()
      #expect(served.value == 200)
    }

    @Test func aDescriptorThatIsNotOpenIsRefused() throws {
      let context = try AioContext()
      #expect(throws: AioError.invalidFileDescriptor(FileDescriptor(rawValue: -1))) {
        try context.setHandler(for: FileDescriptor(rawValue: -1), onReadable: {})
      }
      let pair = Pair.pipe()
      let closed = pair.reader
      pair.closeReader()
      let error = #expect(throws: AioError.self) {
        try context.setHandler(for: closed, onReadable: {})
      }
      #expect(
        error?.description
          == "a handler cannot be set for file descriptor \(closed.rawValue), which is not open")
    }
  }
}

/// Tells when it is freed.
final class Token: Sendable {
  private let onDeinit: @Sendable () -> Void
  init(_ onDeinit: @escaping @Sendable () -> Void) { self.onDeinit = onDeinit }
  deinit { onDeinit() }
}
