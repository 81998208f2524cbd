// Contract 21, H6: what a ring's submission can do to requests: refuse them for now, or for good, or take some. Every
// request completes exactly once.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct RingInjectionTests {
    @Test(arguments: Combination.all)
    func aSubmissionRefusedForNowIsMadeAgain(_ combination: Combination) throws {
      for code in [EBUSY, EAGAIN, ENOMEM, EINTR] {
        for inPass in [false, true] {
          let injected = try InjectedLoop(combination)
          let engine = try injected.engine(.ioURing)
          let reads = try SmallReads(10, on: engine)
          injected.script.answerSubmissions(Array(repeating: .error(code), count: 25))
          reads.startAll(on: injected, inPass: inPass)
          #expect(injected.run(until: reads.outcomes))
          reads.expectSuccess()
          #expect(injected.script.isSpent)
          #expect(injected.script.pieces.map { $0.way } == ways(.ring, 10))
        }
      }
    }

    @Test(arguments: Combination.all)
    func whatASubmissionLeavesBehindGoesWithTheNext(_ combination: Combination) throws {
      for inPass in [false, true] {
        let injected = try InjectedLoop(combination)
        let engine = try injected.engine(.ioURing)
        let reads = try SmallReads(40, on: engine)
        injected.script.answerSubmissions([
          .accept(1), .accept(3), .error(EBUSY), .accept(0), .accept(2), .error(EAGAIN), .accept(1),
        ])
        reads.startAll(on: injected, inPass: inPass)
        #expect(injected.run(until: reads.outcomes))
        reads.expectSuccess()
        #expect(injected.script.isSpent)
        #expect(injected.script.pieces.map { $0.way } == ways(.ring, 40))
      }
    }

    @Test(arguments: Combination.all, [2, 64])
    func aRingThatFailsForGoodFailsEveryRequestOnce(_ combination: Combination, _ entries: Int)
      throws
    {
      for inPass in [false, true] {
        let injected = try InjectedLoop(combination)
        let engine = try injected.engine(.ioURing, submissionEntries: entries)
        let reads = try SmallReads(100, on: engine)
        injected.script.failSubmissions(EINVAL)
        reads.startAll(on: injected, inPass: inPass)
        #expect(injected.run(until: reads.outcomes))
        #expect(reads.outcomes.allSatisfy { $0.all == [.failure(.invalidArgument)] })
        #expect(injected.script.pieces.isEmpty)
        // What was given up is out of the queue: nothing of it is made when the ring works again.
        injected.script.failSubmissions(nil)
        let later = try SmallReads(10, on: engine)
        later.start()
        #expect(injected.run(until: later.outcomes))
        later.expectSuccess()
        #expect(injected.script.pieces.count == 10)
        #expect(reads.outcomes.allSatisfy { $0.all.count == 1 })
      }
    }

    @Test func whatTheRingHasAlreadyIsNotFailedWithTheRest() throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(.ioURing)
      let reads = try SmallReads(2, on: engine)
      injected.script.answer(.read, [.hold])
      reads.start(0..<1)
      injected.loop.iterate()
      injected.script.failSubmissions(EINVAL)
      reads.start(1..<2)
      #expect(injected.run(until: [reads.outcomes[1]]))
      reads.outcomes[1].expect(.failure(.invalidArgument))
      #expect(!reads.outcomes[0].isThere)
      injected.script.failSubmissions(nil)
      injected.ring!.release()
      #expect(injected.run(until: reads.outcomes))
      reads.outcomes[0].expect(.success(SmallReads.size))
      #expect(injected.script.pieces.map { $0.way } == [.ring])
    }

    /// close(2) that a signal ended has closed all the same: by now the number may be somebody else's.
    @Test func aCloseIsNotMadeTwice() throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(.ioURing)
      let outcome = Outcome()
      injected.script.answer(.other, [.error(EINTR)])
      engine.close(FileDescriptor(rawValue: 19_999), completion: outcome.completion)
      #expect(injected.run(until: [outcome]))
      outcome.expect(.failure(.interrupted))
      #expect(injected.script.pieces.count == 1)
    }

    @Test func whatTheRingLacksIsDoneElsewhere() throws {
      let injected = try InjectedLoop()
      injected.kernel.unsupported = [IORING_OP_READ.rawValue]
      let engine = try injected.engine(.ioURing)
      let reads = try SmallReads(3, on: engine)
      reads.start()
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(injected.script.pieces.map { $0.way } == [.call, .call, .call])
    }
  }
}
