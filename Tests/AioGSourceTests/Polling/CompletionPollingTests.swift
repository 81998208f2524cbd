// Contract 10 and 25.5: a ring shows what the kernel completes, so on io_uring a loop polls for handlers without a poll
// callback, and for requests on the ring. It must not where it cannot see them, nor under GLib.

import AioGSource
import CTestSupport
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite struct CompletionPollingTests {
    /// Lets something come a little after the loop began to wait for it, until polling has found it: the windows grow
    /// from 4,000 ns on, and double, unless somebody else wants the processor. The rounds that took.
    private func rounds(_ loop: TestLoop, _ round: (_ number: Int) throws -> Void) rethrows -> Int?
    {
      for number in 1...500 {
        try round(number)
        if loop.context.statistics.pollingHits > 0 { return number }
      }
      return nil
    }

    /// The rounds it took to find what a handler waits for, which stays set.
    private func roundsOfAHandler(_ loop: TestLoop, _ pair: Pair) throws -> Int? {
      let served = Counter()
      try loop.context.setHandler(
        for: pair.reader,
        onReadable: {
          pair.drain()
          served.increment()
        })
      return rounds(loop) { number in
        let thread = TestThread {
          sleep(milliseconds: 0.2)
          pair.write()
        }
        #expect(loop.run(limit: .seconds(5)) { served.value == number })
        thread.join()
      }
    }

    @Test(arguments: Combination.all)
    func whatAHandlerWaitsForIsPolledForWhereARingShowsIt(_ combination: Combination) throws {
      let loop = try TestLoop(combination, polling: .init(maximum: .milliseconds(400)))
      let pair = Pair.pipe()
      let found = try roundsOfAHandler(loop, pair)
      #expect((found != nil) == (combination.driver == .poll && combination.monitor == .ioURing))
      loop.context.removeHandler(for: pair.reader)
    }

    @Test(arguments: EngineCombination.all)
    func whatARequestWaitsForIsPolledForWhereARingShowsIt(_ combination: EngineCombination) throws {
      let loop = try TestLoop(combination.loop, polling: .init(maximum: .milliseconds(400)))
      let engine = try loop.context.engine(combination.engine)
      try #require(engine.kind == combination.engine)
      Tally.count(engine.kind)
      let pair = Pair.sockets()
      let buffer = AIOBuffer(count: 1)
      let completed = Counter()
      let found = rounds(loop) { number in
        engine.receive(on: pair.reader, into: buffer) { _ in completed.increment() }
        let thread = TestThread {
          sleep(milliseconds: 0.2)
          pair.write()
        }
        #expect(loop.run(limit: .seconds(5)) { completed.value == number })
        thread.join()
      }
      if combination.loop.driver == .glib {
        #expect(found == nil)
      } else if combination.engine == .ioURing && combination.loop.monitor == .ioURing {
        #expect(found != nil)
      }
    }

    /// All that ends a sleep ends the polling before it: a timer, a bottom half of another thread, a changed handler.
    @Test func pollingForCompletionsKeepsNobodyWaiting() throws {
      guard Combination.monitors.contains(.ioURing) else { return }
      let loop = try TestLoop(
        Combination(driver: .poll, monitor: .ioURing), polling: .init(maximum: .seconds(1)))
      let pair = Pair.pipe()
      #expect(try roundsOfAHandler(loop, pair) != nil)

      let context = loop.context
      let ran = Flag()
      var start = monotonicNow()
      var thread = TestThread {
        sleep(milliseconds: 2)
        context.schedule { ran.set() }
      }
      #expect(loop.run { ran.isSet })
      #expect(monotonicNow() - start < 200_000_000)
      thread.join()

      start = monotonicNow()
      let timer = context.makeTimer {}
      timer.arm(after: .milliseconds(3))
      #expect(loop.run { !timer.isPending })
      #expect(monotonicNow() - start < 200_000_000)

      let other = Pair.pipe()
      other.write()
      let seen = Flag()
      start = monotonicNow()
      thread = TestThread {
        sleep(milliseconds: 2)
        try? context.setHandler(
          for: other.reader,
          onReadable: {
            other.drain()
            seen.set()
          })
      }
      #expect(loop.run { seen.isSet })
      #expect(monotonicNow() - start < 200_000_000)
      thread.join()
      context.removeHandler(for: other.reader)
      context.removeHandler(for: pair.reader)
    }
  }
}
