// Contract 21, 25: requests on the ring that the context waits with: the monitor submits and collects for them, and what goes
// wrong with the one must not take the other along.

import CTestSupport
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct SharedRingInjectionTests {
    /// A context that waits with a fake ring, and has another monitor to fall back on.
    private func make(submissionEntries: Int = 64, completionEntries: Int = 128) throws
      -> (InjectedLoop, AIOEngine)
    {
      let injected = try InjectedLoop(Combination(driver: .poll, monitor: .poll))
      let engine = injected.sharedEngine(
        submissionEntries: submissionEntries, completionEntries: completionEntries)
      #expect(injected.context.monitor == .ioURing)
      #expect(engine.kind == .ioURing)
      return (injected, engine)
    }

    /// Checks that the loop still sees descriptors and notifications.
    private func expectAlive(
      _ injected: InjectedLoop, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let isScheduled = Flag()
      let other = TestThread {
        sleep(milliseconds: 2)
        injected.context.schedule { isScheduled.set() }
      }
      #expect(injected.run { isScheduled.isSet }, sourceLocation: sourceLocation)
      other.join()
      let notifier = try EventNotifier()
      let seen = Flag()
      try injected.context.setHandler(for: notifier) { notifier in
        notifier.testAndClear()
        seen.set()
      }
      let thread = TestThread {
        sleep(milliseconds: 2)
        try? notifier.set()
      }
      #expect(injected.run { seen.isSet }, sourceLocation: sourceLocation)
      thread.join()
      injected.context.removeHandler(for: notifier)
    }

    @Test(arguments: [false, true])
    func refusalsThatPassHurtNeitherRequestsNorHandlers(_ inPass: Bool) throws {
      for code in [EBUSY, EAGAIN, ENOMEM, EINTR] {
        let (injected, engine) = try make()
        let reads = try SmallReads(100, on: engine)
        injected.script.answerSubmissions(
          [.error(code), .error(code), .accept(1), .error(code), .accept(3), .error(code)])
        reads.startAll(on: injected, inPass: inPass)
        #expect(injected.run(until: reads.outcomes))
        reads.expectSuccess()
        try expectAlive(injected)
        #expect(injected.context.monitor == .ioURing)
        #expect(injected.script.ways == ways(.ring, 100))
      }
    }

    /// A negative completion is an errno, and no mask of events: as one, -12 says that the descriptor is closed, which is not
    /// asked for again.
    @Test func aPollThatFailsIsAnErrorAndIsMadeAgain() throws {
      let (injected, _) = try make()
      let pair = Pair.sockets()
      let log = Log()
      injected.ring?.failingPolls[pair.reader.rawValue] = ENOMEM
      try injected.context.setHandler(
        for: pair.reader, onReadable: { log.add(pair.drain() > 0 ? "read" : "nothing to read") })
      #expect(injected.run(limit: .seconds(5)) { log.value == ["nothing to read"] })
      pair.write()
      #expect(injected.run(limit: .seconds(5)) { log.value == ["nothing to read", "read"] })
      injected.context.removeHandler(for: pair.reader)
    }

    @Test func removalsThatFindNoPlaceAreMadeLater() throws {
      let (injected, _) = try make(submissionEntries: 2)
      let context = injected.context
      let pairs = (0..<5).map { _ in Pair.sockets() }
      for pair in pairs { try context.setHandler(for: pair.reader, onReadable: {}) }
      for _ in 0..<10 { context.poll(blocking: false) }
      injected.script.answerSubmissions([.error(EBUSY), .error(EBUSY), .error(EBUSY)])
      for pair in pairs { context.removeHandler(for: pair.reader) }
      context.poll(blocking: false)
      #expect(context.handlers.hasRemoved)
      for _ in 0..<20 { context.poll(blocking: false) }
      #expect(!context.handlers.hasRemoved)
    }

    @Test(arguments: [false, true])
    func queuesOfTwoServeAThousandAndHandlersToo(_ inPass: Bool) throws {
      let (injected, engine) = try make(submissionEntries: 2, completionEntries: 2)
      let reads = try SmallReads(1_000, on: engine)
      injected.script.answer(
        .read, (0..<200).flatMap { _ in [.perform, .short(1), .error(EINTR), .short(63)] })
      reads.startAll(on: injected, inPass: inPass)
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      try expectAlive(injected)
      #expect(injected.ring!.overflows > 100)
      #expect(injected.context.monitor == .ioURing)
    }

    @Test(arguments: [false, true])
    func aRingThatFailsForGoodTakesNoHandlerAlong(_ inPass: Bool) throws {
      let (injected, engine) = try make()
      let reads = try SmallReads(100, on: engine)
      // What the monitor asks for is in the queue when the ring begins to fail.
      injected.script.answerSubmissions([.error(EBUSY), .error(EBUSY)])
      injected.loop.iterate()
      injected.script.failSubmissions(EINVAL)
      reads.startAll(on: injected, inPass: inPass)
      #expect(injected.run(until: reads.outcomes))
      #expect(reads.outcomes.allSatisfy { $0.all == [.failure(.invalidArgument)] })
      try expectAlive(injected)
      #expect(injected.context.monitor != .ioURing)
      #expect(injected.script.pieces.isEmpty)
    }

    @Test func oneFailureOfARequestsSubmissionTakesNoHandlerAlong() throws {
      let (injected, engine) = try make()
      let reads = try SmallReads(10, on: engine)
      injected.script.answerSubmissions([.error(EBUSY), .error(EINVAL)])
      injected.loop.iterate()
      reads.startAll(on: injected, inPass: false)
      #expect(injected.script.isSpent)
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      try expectAlive(injected)
      #expect(injected.context.monitor == .ioURing)
    }

    @Test func closingFailsWhatTheRingDoesNotTake() throws {
      let (injected, engine) = try make()
      let reads = try SmallReads(10, on: engine)
      injected.script.failSubmissions(EINVAL)
      reads.startAll(on: injected, inPass: false)
      #expect(injected.io.close() == ["10 requests (read) are under way"])
      #expect(reads.outcomes.allSatisfy { $0.all == [.failure(.invalidArgument)] })
      injected.context.loopIO = nil
    }

    @Test func aRealRingThatOverflowsLosesNothing() throws {
      if aiogs_test_denies_io_uring() { return }
      let loop = try TestLoop(Combination(driver: .poll, monitor: .ioURing))
      let engine = try loop.context.engine(.ioURing)
      let monitor = try #require(loop.context.activeMonitor as? RingMonitor)
      let places = Int(monitor.ring.pointer.pointee.cq.ring_entries)
      let reads = try SmallReads(places * 3, on: engine)
      loop.context.schedule { reads.start() }
      #expect(loop.run { reads.outcomes.allSatisfy { $0.isThere } })
      for _ in 0..<3 { loop.iterate() }
      reads.expectSuccess()
      #expect(engine.kind == .ioURing)
      #expect(engine.statistics.handedToThreads == 0)
    }
  }
}
