// Signals of the process as elements of sequences.

import AioGSource
import CTestSupport
import Glibc
import SeededRandom
import SystemPackage
import Testing

extension AllTests {
  @Suite(.timeLimit(.minutes(2))) struct SignalTests {
    @Test(arguments: Combination.all)
    func aTaskOfTheContextIsWokenByASignal(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let numbers = try loop.task {
        let signals = try context.signals(SIGUSR1, SIGUSR2)
        let taken = Counter()
        let sender = TestThread {
          for (index, number) in [SIGUSR1, SIGUSR2, SIGUSR1].enumerated() {
            // Of those that wait together, the lowest would be first.
            while taken.value < index { sleep(milliseconds: 1) }
            sleep(milliseconds: 5)
            Signals.sendToSelf(number)
          }
        }
        var numbers: [CInt] = []
        for await number in signals {
          numbers.append(number)
          taken.increment()
          if numbers.count == 3 { break }
        }
        #expect(context.isHomeThread)
        sender.join()
        return numbers
      }
      #expect(numbers == [SIGUSR1, SIGUSR2, SIGUSR1])
    }

    @Test func aTaskAnywhereIsWokenByTheContextsThread() async throws {
      let thread = try IOThread(name: "worker")
      let signals = try thread.context.signals(SIGUSR1)
      let sender = TestThread {
        sleep(milliseconds: 5)
        Signals.sendToSelf(SIGUSR1)
      }
      var iterator = signals.makeAsyncIterator()
      #expect(await iterator.next() == SIGUSR1)
      sender.join()
      thread.stop()
    }

    @Test func theSignalsOfTheProcessComeToo() async throws {
      let thread = try IOThread(name: "worker")
      let signals = try thread.context.signals(SIGUSR1)
      let isDone = Flag()
      let taker = TestThread {
        Signals.unblock([SIGUSR1])
        kill(getpid(), SIGUSR1)
        while !isDone.isSet { sleep(milliseconds: 1) }
      }
      var iterator = signals.makeAsyncIterator()
      #expect(await iterator.next() == SIGUSR1)
      isDone.set()
      taker.join()
      thread.stop()
    }

    @Test func theSubscriptionBeginsBeforeTheFirstElementIsAskedFor() async throws {
      let context = try AioContext()
      let signals = try context.signals(SIGUSR1, SIGUSR2, SIGHUP)
      // Again and again is once, and the lowest number is first.
      Signals.send(SIGUSR2, SIGUSR1, SIGUSR2, SIGUSR1, SIGHUP)
      // Nobody runs the context, and nobody has to.
      var iterator = signals.makeAsyncIterator()
      for expected in [SIGHUP, SIGUSR1, SIGUSR2] { #expect(await iterator.next() == expected) }
      Signals.send(SIGUSR2)
      #expect(await iterator.next() == SIGUSR2)
    }

    @Test func eachSubscriptionSeesEverySignal() async throws {
      let threads = try (0..<3).map { try IOThread(name: "worker \($0)") }
      let sequences = try threads.flatMap { thread in
        try [thread.context.signals(SIGUSR1), thread.context.signals(SIGUSR2, SIGUSR1)]
      }
      for number in [SIGUSR1, SIGUSR2] {
        async let sent: Void = Task.detached {
          sleep(milliseconds: 2)
          Signals.send(number)
        }.value
        for (index, sequence) in sequences.enumerated() where number == SIGUSR1 || index % 2 == 1 {
          var iterator = sequence.makeAsyncIterator()
          #expect(await iterator.next() == number)
        }
        await sent
      }
      for thread in threads { thread.stop() }
    }

    // MARK: The end

    @Test func aCancelledTaskGetsNilAndAnotherMayAsk() async throws {
      let thread = try IOThread(name: "worker")
      let signals = try thread.context.signals(SIGUSR1)
      for delay in [0, 5.0] {
        let task = Task {
          var count = 0
          for await _ in signals { count += 1 }
          return count
        }
        sleep(milliseconds: delay)
        task.cancel()
        #expect(await task.value == 0)
      }
      let cancelled = Task {
        while !Task.isCancelled { await Task.yield() }
        var iterator = signals.makeAsyncIterator()
        return await iterator.next()
      }
      Signals.send(SIGUSR1)
      cancelled.cancel()
      #expect(await cancelled.value == nil)
      // It was not lost.
      var iterator = signals.makeAsyncIterator()
      #expect(await iterator.next() == SIGUSR1)
      thread.stop()
    }

    @Test func theDispositionOfBeforeComesBackWithTheLastSubscription() throws {
      let context = try AioContext()
      try Signals.withDisposition(of: SIGUSR1, counting) {
        Self.handled.reset()
        let before = Signals.disposition(of: SIGUSR1)
        var subscriptions: [SignalSequence] = []
        subscriptions.append(try context.signals(SIGUSR1))
        let ours = Signals.disposition(of: SIGUSR1)
        #expect(ours.address != before.address)
        #expect(ours.sa_flags & SA_RESTART != 0)
        subscriptions.append(try context.signals(SIGUSR1, SIGUSR2))
        Signals.send(SIGUSR1)
        subscriptions.removeFirst()
        Signals.send(SIGUSR1)
        #expect(Self.handled.value == 0)
        #expect(Signals.disposition(of: SIGUSR2).address == ours.address)
        subscriptions.removeFirst()
        #expect(Signals.disposition(of: SIGUSR1).address == before.address)
        #expect(Signals.disposition(of: SIGUSR1).sa_flags == before.sa_flags)
        #expect(Signals.disposition(of: SIGUSR2).address == 0)
        Signals.send(SIGUSR1)
        #expect(Self.handled.value == 1)
      }
    }

    fileprivate static let handled = Counter()

    @Test func theIteratorKeepsTheSubscription() async throws {
      let context = try AioContext()
      var iterator: SignalSequence.Iterator? = try context.signals(SIGUSR1).makeAsyncIterator()
      Signals.send(SIGUSR1)
      #expect(await iterator?.next() == SIGUSR1)
      iterator = nil
      #expect(Signals.disposition(of: SIGUSR1).address == 0)
    }

    @Test func aHandlerThatSomebodyHasSetSinceStays() throws {
      let context = try AioContext()
      var signals: SignalSequence? = try context.signals(SIGUSR1)
      #expect(signals != nil)
      try Signals.withDisposition(of: SIGUSR1, counting) {
        let others = Signals.disposition(of: SIGUSR1)
        signals = nil
        #expect(Signals.disposition(of: SIGUSR1).address == others.address)
        // And the next subscription gives it back.
        signals = try context.signals(SIGUSR1)
        signals = nil
        #expect(Signals.disposition(of: SIGUSR1).address == others.address)
      }
      // What was there when the other one came.
      var none = Signals.Disposition()
      sigaction(SIGUSR1, &none, nil)
    }

    @Test func theSequenceKeepsItsContext() throws {
      weak var observed: AioContext?
      do {
        var signals: SignalSequence?
        do {
          let context = try AioContext()
          observed = context
          signals = try context.signals(SIGUSR1)
        }
        #expect(observed != nil && signals != nil)
        // Or the handler would schedule on a context that is gone.
        Signals.send(SIGUSR1)
        signals = nil
      }
      #expect(observed == nil)
    }

    // MARK: What is refused

    @Test(arguments: [
      [], [0], [65], [-5], [SIGKILL], [SIGUSR1, SIGSTOP], [SIGUSR1, SIGSEGV],
      // The C library's own: only sigaction knows.
      [SIGUSR1, 32, SIGUSR2],
    ])
    func whatCannotBeHandledIsRefusedAndNothingChanges(_ numbers: [CInt]) throws {
      let context = try AioContext()
      #expect(throws: Errno.invalidArgument) {
        switch numbers.count {
        case 0: _ = try context.signals()
        case 1: _ = try context.signals(numbers[0])
        case 2: _ = try context.signals(numbers[0], numbers[1])
        default: _ = try context.signals(numbers[0], numbers[1], numbers[2])
        }
      }
      #expect(Signals.disposition(of: SIGUSR1).address == 0)
      #expect(Signals.disposition(of: SIGUSR2).address == 0)
      // Nor does it count as one: the next is the last too.
      _ = try context.signals(SIGUSR1)
      #expect(Signals.disposition(of: SIGUSR1).address == 0)
    }

    @Test func twoTasksThatWaitAtATimeTrap() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let thread = try IOThread(name: "worker")
        let signals = try thread.context.signals(SIGUSR1)
        async let first: Void = { for await _ in signals {} }()
        async let second: Void = { for await _ in signals {} }()
        _ = await (first, second)
      }
      expectSentence("two tasks wait for the signals of one subscription at a time", in: result)
    }

    // MARK: In the handler

    @Test func theHandlerAllocatesNothing() throws {
      try #require(aiogs_test_can_count_allocations() || aiogs_test_is_sanitized())
      if !aiogs_test_can_count_allocations() { return }
      let context = try AioContext()
      let signals = try context.signals(SIGUSR1, SIGUSR2)
      let allocations = Box(-1)
      TestThread {
        Signals.unblock([SIGUSR1, SIGUSR2])
        aiogs_test_count_allocations()
        pthread_kill(pthread_self(), SIGUSR1)
        pthread_kill(pthread_self(), SIGUSR2)
        pthread_kill(pthread_self(), SIGUSR1)
        allocations.value = aiogs_test_stop_counting()
      }.join()
      #expect(allocations.value == 0)
      withExtendedLifetime(signals) {}
    }

    @Test func anInterruptedSystemCallGoesOn() throws {
      let context = try AioContext()
      let signals = try context.signals(SIGUSR1)
      let pair = Pair.pipe()
      let reader = pair.reader.rawValue
      // One that waits.
      _ = fcntl(reader, F_SETFL, 0)
      let identity = Box<pthread_t?>(nil)
      let outcome = Box(0)
      let thread = TestThread {
        Signals.unblock([SIGUSR1])
        identity.value = pthread_self()
        var byte: UInt8 = 0
        outcome.value = read(reader, &byte, 1)
      }
      while identity.value == nil { sleep(milliseconds: 1) }
      sleep(milliseconds: 20)
      pthread_kill(identity.value!, SIGUSR1)
      sleep(milliseconds: 20)
      pair.write("x")
      thread.join()
      #expect(outcome.value == 1)
      withExtendedLifetime(signals) {}
    }

    // MARK: Many

    @Test func noSignalIsMissedWhileSubscriptionsComeAndGo() async throws {
      let thread = try IOThread(name: "worker")
      let context = thread.context
      // Without this one the signals would kill us between two subscriptions.
      let all = try context.signals(SIGUSR1, SIGUSR2)
      let isDone = Flag()
      let storm = (0..<2).map { _ in
        TestThread {
          while !isDone.isSet { Signals.sendToSelf(SIGUSR1) }
        }
      }
      for round in 0..<500 {
        let signals = try context.signals(SIGUSR1, SIGUSR2)
        if round % 2 == 0 { continue }
        var iterator = signals.makeAsyncIterator()
        Signals.send(SIGUSR2)
        var seen: Set<CInt> = []
        while seen.count < 2, let number = await iterator.next() { seen.insert(number) }
        #expect(seen == [SIGUSR1, SIGUSR2])
      }
      isDone.set()
      for thread in storm { thread.join() }
      var iterator = all.makeAsyncIterator()
      #expect(await iterator.next() == SIGUSR1)
      #expect(await iterator.next() == SIGUSR2)
      thread.stop()
    }

    @Test func cancelledAtAnyMomentAWaitEndsOnce() async throws {
      let thread = try IOThread(name: "worker")
      let signals = try thread.context.signals(SIGUSR1)
      var generator = SeededGenerator(seed: 3)
      var ends = [0, 0]
      for round in 0..<600 {
        let delay = UInt32.random(in: 0...60, using: &generator)
        // Most at about the time of the signal; some long after it, and some at once, whatever a thread takes to begin.
        let moment = round % 8 == 0 ? 3_000 : round % 8 == 1 ? 0 : delay + 40
        let task = Task {
          var iterator = signals.makeAsyncIterator()
          return await iterator.next()
        }
        let sender = TestThread {
          usleep(delay)
          Signals.sendToSelf(SIGUSR1)
        }
        usleep(moment)
        task.cancel()
        if await task.value == nil {
          ends[0] += 1
          sender.join()
          // What it did not take is there for the next.
          var iterator = signals.makeAsyncIterator()
          #expect(await iterator.next() == SIGUSR1)
        } else {
          ends[1] += 1
          sender.join()
        }
      }
      // Or the delays are no good.
      #expect(ends[0] > 5 && ends[1] > 5)
      thread.stop()
    }
  }
}

private let counting: @convention(c) (CInt) -> Void = { _ in
  AllTests.SignalTests.handled.increment()
}
