// H4, contract 21.1: queues that are too small for what is asked, on a fake ring and on a real one: full submission queues and
// completion queues that overflow lose nothing.

import CTestSupport
import Glibc
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct RingQueueInjectionTests {
    @Test(arguments: Combination.all, [false, true])
    func aSubmissionQueueOfTwoServesAThousand(_ combination: Combination, _ inPass: Bool) throws {
      let injected = try InjectedLoop(combination)
      let engine = try injected.engine(
        .ioURing, submissionEntries: 2, completionEntries: 2048)
      let reads = try SmallReads(1_000, on: engine)
      // Refused now and then, so that it is found full.
      injected.script.answerSubmissions(
        (0..<100).flatMap { _ in [.accept(1), .error(EBUSY), .error(EAGAIN), .accept(2)] })
      reads.startAll(on: injected, inPass: inPass)
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(injected.script.pieces.count == 1_000)
      #expect(injected.script.pieces.allSatisfy { $0.way == .ring })
    }

    @Test(arguments: Combination.all)
    func theLoopDoesNotSleepOnWhatWaitsForAPlace(_ combination: Combination) throws {
      let injected = try InjectedLoop(combination)
      let engine = try injected.engine(.ioURing, submissionEntries: 2)
      let reads = try SmallReads(3, on: engine)
      injected.script.answer(.read, [.hold, .hold])
      // Refused twice when the third asks for a place, and taken then: the queue is empty, and the third not in it.
      injected.script.answerSubmissions([.error(EBUSY), .error(EBUSY)])
      reads.startAll(on: injected, inPass: true)
      #expect(injected.run { reads.outcomes[2].isThere })
      #expect(injected.ring!.heldCount == 2)
      injected.ring!.release()
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(injected.script.ways == ways(.ring, 3))
    }

    @Test(arguments: Combination.all, [2, 64])
    func aCompletionQueueOfTwoOverflowsAndLosesNothing(_ combination: Combination, _ entries: Int)
      throws
    {
      for isBusy in [false, true] {
        for inPass in [false, true] {
          let injected = try InjectedLoop(combination)
          let engine = try injected.engine(
            .ioURing, submissionEntries: entries, completionEntries: 2)
          let ring = try #require(injected.ring)
          ring.isBusyWhileOverflowed = isBusy
          let reads = try SmallReads(1_000, on: engine)
          // Some are made again while completions are being taken.
          injected.script.answer(
            .read, (0..<200).flatMap { _ in [.perform, .short(1), .error(EINTR), .short(63)] })
          reads.startAll(on: injected, inPass: inPass)
          #expect(injected.run(until: reads.outcomes))
          reads.expectSuccess()
          #expect(ring.overflows > 100)
          #expect(injected.script.pieces.allSatisfy { $0.way == .ring })
        }
      }
    }

    @Test(arguments: Combination.all)
    func completionsThatComeTogetherOverflowAndAreAllSeen(_ combination: Combination) throws {
      let injected = try InjectedLoop(combination)
      let engine = try injected.engine(.ioURing, completionEntries: 2)
      let reads = try SmallReads(50, on: engine)
      injected.script.answer(.read, Array(repeating: .hold, count: 50))
      reads.start()
      injected.loop.iterate()
      #expect(injected.ring!.heldCount == 50)
      injected.ring!.release()
      #expect(injected.ring!.overflows == 48)
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(injected.script.pieces.allSatisfy { $0.way == .ring })
    }

    @Test(arguments: Combination.all, [false, true])
    func aRealRingOfTwoServesAThousand(_ combination: Combination, _ inPass: Bool) throws {
      if aiogs_test_denies_io_uring() { return }
      let injected = try InjectedLoop(combination)
      let ring = try Ring.make(submissionEntries: 2, completionEntries: 2)
      #expect(ring.pointer.pointee.sq.ring_entries == 2)
      #expect(ring.pointer.pointee.cq.ring_entries == 2)
      let engine = injected.add(ring)
      let reads = try SmallReads(1_000, on: engine)
      reads.startAll(on: injected, inPass: inPass)
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(engine.kind == .ioURing)
      #expect(injected.script.pieces.isEmpty, "the fake kernel had none of them")
    }
  }
}
