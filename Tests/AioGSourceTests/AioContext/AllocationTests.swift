// Architecture's bars: the pass allocates nothing in steady state.

import AioGSource
import CTestSupport
import Testing

extension AllTests {
  @Suite struct AllocationTests {
    /// Allocations of a thousand calls of `body`, once it has run a hundred times.
    private func allocations(_ body: () -> Void) -> Int {
      for _ in 0..<100 { body() }
      aiogs_test_count_allocations()
      for _ in 0..<1_000 { body() }
      return aiogs_test_stop_counting()
    }

    @Test func theCounterCounts() {
      guard aiogs_test_can_count_allocations() else { return }
      let kept = Box(Counter())
      #expect(allocations { kept.value = Counter() } >= 1_000)
    }

    @Test(arguments: Combination.all)
    func schedulingAndRunningABottomHalf(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let ran = Counter()
      let bottomHalf = loop.context.makeBottomHalf { ran.increment() }
      let context = loop.context
      let mainContext = loop.mainContext
      let count = allocations {
        bottomHalf.schedule()
        if let mainContext {
          mainContext.iteration(mayBlock: false)
        } else {
          context.poll(blocking: false)
        }
      }
      #expect(ran.value == 1_100)
      if aiogs_test_can_count_allocations() { #expect(count == 0) }
    }

    @Test(arguments: Combination.all)
    func servingADescriptor(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let served = Counter()
      let notifier = try EventNotifier()
      let context = loop.context
      try context.setHandler(
        for: notifier,
        onReadable: {
          $0.testAndClear()
          served.increment()
        })
      let mainContext = loop.mainContext
      let count = allocations {
        try? notifier.set()
        if let mainContext {
          mainContext.iteration(mayBlock: true)
        } else {
          context.poll(blocking: true)
        }
      }
      #expect(served.value >= 1_000)
      if aiogs_test_can_count_allocations() { #expect(count == 0) }
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func armingATimerAndRunningIt(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let fired = Counter()
      let others = (0..<100).map { index in
        let timer = loop.context.makeTimer {}
        timer.arm(after: .seconds(100 + index))
        return timer
      }
      let timer = loop.context.makeTimer { fired.increment() }
      let context = loop.context
      let mainContext = loop.mainContext
      let count = allocations {
        timer.arm(after: .microseconds(20))
        others[7].arm(after: .seconds(50))
        while timer.isPending {
          if let mainContext {
            mainContext.iteration(mayBlock: true)
          } else {
            context.poll(blocking: true)
          }
        }
      }
      #expect(fired.value == 1_100)
      if aiogs_test_can_count_allocations() { #expect(count == 0) }
      for other in others { other.cancel() }
    }

    @Test(arguments: Combination.all)
    func armingATimerOnceMoreAndCancellingIt(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let timer = loop.context.makeTimer {}
      let count = allocations {
        timer.arm(after: .seconds(10))
        timer.arm(after: .seconds(5))
        timer.cancel()
      }
      if aiogs_test_can_count_allocations() { #expect(count == 0) }
    }

    @Test(arguments: Combination.all)
    func schedulingABottomHalfFromAnotherThread(_ combination: Combination) throws {
      let thread = try IOThread(
        name: "other", configuration: .init(monitor: .demanded(combination.monitor)))
      if combination.driver == .glib { _ = try thread.mainContext() }
      #expect(thread.context.monitor == combination.monitor)
      Tally.count(combination)
      let bottomHalf = thread.context.makeBottomHalf {}
      let count = allocations { bottomHalf.schedule() }
      if aiogs_test_can_count_allocations() { #expect(count == 0) }
      bottomHalf.delete()
      thread.stop()
    }

    /// One for the closure, which is the caller's, and one for each block of slots.
    @Test(arguments: Combination.all)
    func schedulingAClosureAndRunningIt(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let ran = Counter()
      let context = loop.context
      let mainContext = loop.mainContext
      let count = allocations {
        context.schedule { ran.increment() }
        if let mainContext {
          mainContext.iteration(mayBlock: false)
        } else {
          context.poll(blocking: false)
        }
      }
      #expect(ran.value == 1_100)
      if aiogs_test_can_count_allocations() { #expect(count <= 1_000 + 1_000 / 31 + 1) }
    }

    @Test(arguments: Combination.all)
    func aTasksHopToTheContext(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let hops = Hops(on: loop.context)
      loop.iterate()
      let context = loop.context
      let mainContext = loop.mainContext
      let count = allocations {
        hops.resume()
        if let mainContext {
          mainContext.iteration(mayBlock: false)
        } else {
          context.poll(blocking: false)
        }
      }
      #expect(hops.count == 1_100)
      if aiogs_test_can_count_allocations() { #expect(count == 0) }
      hops.end()
      loop.iterate()
    }

    @Test(arguments: EngineCombination.all)
    func readingFromAFile(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(4_096))
      let done = Counter()
      let buffer = AIOBuffer(count: 4_096)
      let completion: AIOEngine.Completion = {
        if $0 == .success(4_096) { done.increment() }
      }
      let engine = loop.engine
      let context = loop.context
      let mainContext = loop.loop.mainContext
      var wanted = 0
      let count = allocations {
        wanted += 1
        engine.read(from: file.descriptor, at: 0, into: buffer, completion: completion)
        while done.value < wanted {
          if let mainContext {
            mainContext.iteration(mayBlock: true)
          } else {
            context.poll(blocking: true)
          }
        }
      }
      #expect(done.value == 1_100)
      if aiogs_test_can_count_allocations() { #expect(count == 0) }
    }
  }
}
