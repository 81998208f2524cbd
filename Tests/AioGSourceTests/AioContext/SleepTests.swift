// Architecture's bars, contract 28: one second asleep costs under 1 ms of CPU, whatever is registered.
//
// Every scenario sleeps in every combination in a thread of its own, all at the same time: what is measured is the CPU
// time of that thread, and sleeping together saves half a minute a run.

import AioGSource
import CTestSupport
import Glibc
import Testing

extension AllTests {
  @Suite struct SleepTests {
    @Test(arguments: Combination.all)
    func withNothingToDo(_ combination: Combination) {
      expect(.nothing, combination)
    }

    @Test(arguments: Combination.all)
    func withIdleDescriptorsAndALaterTimer(_ combination: Combination) {
      expect(.idleDescriptors, combination)
    }

    @Test(arguments: Combination.all)
    func withDescriptorsWhosePeerHungUp(_ combination: Combination) {
      expect(.hungUp, combination)
    }

    @Test(arguments: Combination.all)
    func withAReadyExternalDescriptorWhileThoseAreDisabled(_ combination: Combination) {
      expect(.disabledExternals, combination)
    }

    @Test(arguments: Combination.all)
    func withWakeUpsInBetween(_ combination: Combination) {
      expect(.wokenBefore, combination)
    }

    /// 5 ms above what as many bare sleeps cost the thread: on a virtual machine those alone may be 6 ms. Debug code
    /// costs more than is promised.
    @Test(arguments: Combination.all)
    func withAnIdleBottomHalfThatRearmsItself(_ combination: Combination) {
      Tally.count(combination)
      let (cost, bare) = Self.ticks[combination]!
      let limit =
        aiogs_test_is_sanitized()
        ? 100_000_000 : _isDebugAssertConfiguration() ? 15_000_000 : 5_000_000
      #expect(cost - bare < limit, "\(cost) ns, of which \(bare) are the bare sleeps'")
    }

    private func expect(_ scenario: Scenario, _ combination: Combination) {
      Tally.count(combination)
      let cost = Self.costs[Sleep(scenario: scenario, combination: combination)]!
      // A sanitizer's own work counts too.
      #expect(cost < (aiogs_test_is_sanitized() ? 20_000_000 : 1_000_000))
    }

    // MARK: Measuring

    enum Scenario: CaseIterable {
      case nothing, idleDescriptors, hungUp, disabledExternals, wokenBefore
    }

    private struct Sleep: Hashable {
      let scenario: Scenario
      let combination: Combination
    }

    private static let costs: [Sleep: Int] = {
      let sleeps = Scenario.allCases.flatMap { scenario in
        Combination.all.map { Sleep(scenario: scenario, combination: $0) }
      }
      let measure = { @Sendable (sleep: Sleep) in
        secondAsleep(sleep.combination) { try setUp(sleep.scenario, $0) }
      }
      var costs = together(sleeps, measure)
      // A busy machine makes a thread pay for others now and then; a loop that spins costs a second every time.
      for _ in 0..<2 {
        let dear = sleeps.filter { costs[$0]! >= 1_000_000 }
        costs.merge(together(dear, measure)) { min($0, $1) }
      }
      return costs
    }()

    private static let ticks: [Combination: (Int, Int)] = together(Combination.all) { combination in
      let before = aiogs_test_thread_cpu_time()
      for _ in 0..<100 {
        var time = timespec(tv_sec: 0, tv_nsec: 10_000_000)
        nanosleep(&time, nil)
      }
      let bare = aiogs_test_thread_cpu_time() - before
      let cost = secondAsleep(combination) { loop in
        let handle = Box<BottomHalf?>(nil)
        handle.value = loop.context.makeBottomHalf { handle.value?.scheduleIdle() }
        handle.value?.scheduleIdle()
        return { handle.value = nil }
      }
      return (cost, bare)
    }

    /// The result of `body` for each key, all at the same time.
    private static func together<Key: Hashable & Sendable, Value: Sendable>(
      _ keys: [Key], _ body: @escaping @Sendable (Key) -> Value
    ) -> [Key: Value] {
      let results = Box<[Key: Value]>([:])
      let threads = keys.map { key in
        TestThread {
          let value = body(key)
          results.update { $0[key] = value }
        }
      }
      for thread in threads { thread.join() }
      return results.value
    }

    /// Nanoseconds of CPU time that a second of blocking iterations costs the thread.
    private static func secondAsleep(
      _ combination: Combination, with setUp: (TestLoop) throws -> () -> Void
    ) -> Int {
      do {
        let loop = try TestLoop(combination)
        let tearDown = try setUp(loop)
        for _ in 0..<5 { loop.iterate() }
        let end = Flag()
        let timer = loop.context.makeTimer { end.set() }
        timer.arm(after: .seconds(1))
        let before = aiogs_test_thread_cpu_time()
        while !end.isSet { loop.iterate(blocking: true) }
        let cost = aiogs_test_thread_cpu_time() - before
        tearDown()
        return cost
      } catch {
        return .max
      }
    }

    /// Returns what takes it down again.
    private static func setUp(_ scenario: Scenario, _ loop: TestLoop) throws -> () -> Void {
      let context = loop.context
      switch scenario {
      case .nothing: return {}

      case .idleDescriptors:
        let pairs = (0..<10).map { _ in Pair.sockets() }
        for pair in pairs { try context.setHandler(for: pair.reader, onReadable: {}) }
        let timer = context.makeTimer {}
        timer.arm(after: .seconds(60))
        return {
          timer.cancel()
          for pair in pairs { context.removeHandler(for: pair.reader) }
        }

      case .hungUp:
        // One that is only polled, one whose reader gives up at the end, one whose writer does.
        let polled = Pair.sockets()
        let read = Pair.sockets()
        let written = Pair.pipe()
        written.fill()
        try context.setHandler(for: polled.reader, poll: { false })
        try context.setHandler(
          for: read.reader,
          onReadable: {
            if read.drain() == 0 { context.removeHandler(for: read.reader) }
          })
        try context.setHandler(
          for: written.writer, onWritable: { context.removeHandler(for: written.writer) })
        loop.iterate()
        polled.closeWriter()
        read.closeWriter()
        written.closeReader()
        return { context.removeHandler(for: polled.reader) }

      case .disabledExternals:
        let readable = Pair.sockets()
        let hungUp = Pair.sockets()
        try context.setHandler(for: readable.reader, isExternal: true, onReadable: {})
        try context.setHandler(for: hungUp.reader, isExternal: true, onReadable: {})
        context.disableExternalClients()
        readable.write()
        hungUp.closeWriter()
        return {
          context.removeHandler(for: readable.reader)
          context.removeHandler(for: hungUp.reader)
          context.enableExternalClients()
        }

      case .wokenBefore:
        // Once while awake, in a callback, and once while asleep.
        let timer = context.makeTimer { context.notify() }
        timer.arm(after: .milliseconds(100))
        let thread = TestThread {
          sleep(milliseconds: 200)
          context.notify()
        }
        return {
          thread.join()
          timer.cancel()
        }
      }
    }
  }
}
