// Contract 18.2, 21: cancelling on a ring that is full, what becomes of a cancellation that comes too late, and a caller's
// own submissions.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct RingCancellationTests {
    private static let skipping = UInt32(IORING_FEAT_CQE_SKIP)

    @Test(arguments: [0, skipping])
    func onAFullRingACancellationWaitsForItsPlace(_ features: UInt32) throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(.ioURing, submissionEntries: 2, features: features)
      let ring = try #require(injected.ring)
      let file = try TestFile(count: 1_000)
      injected.script.answer(.read, [.hold])
      let held = TrackedRequest(.read, engine, file, at: 0, count: 100, .single)
      injected.script.failSubmissions(EBUSY)
      let others = (0..<2).map { _ in
        TrackedRequest(.read, engine, file, at: 0, count: 100, .single)
      }
      held.request.cancel()
      for _ in 0..<3 { injected.loop.iterate() }
      held.expectUnderWay()
      injected.script.failSubmissions(nil)
      #expect(injected.run(until: [held.outcome] + others.map { $0.outcome }))
      held.outcome.expect(.failure(.canceled))
      for request in others + [held] { request.expectFinished() }
      #expect(ring.cancellations == [0])
    }

    @Test func aCancellationThatWaitedTooLongDoesNotReachTheNextRequest() throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(.ioURing, submissionEntries: 2)
      let ring = try #require(injected.ring)
      let file = try TestFile(count: 1_000)
      let next = Box<TrackedRequest?>(nil)
      injected.script.answer(.read, [.hold])
      let cancelled = TrackedRequest(.read, engine, file, at: 0, count: 100, .single) {
        // Its memory is free for another; and the ring takes again what it is given.
        injected.script.failSubmissions(nil)
        injected.script.answer(.read, [.perform, .perform, .hold])
        next.value = TrackedRequest(.read, engine, file, at: 200, count: 100, .single)
      }
      injected.script.failSubmissions(EBUSY)
      let others = (0..<2).map { _ in
        TrackedRequest(.read, engine, file, at: 0, count: 100, .single)
      }
      cancelled.request.cancel()
      // Before there was a place for the cancellation it is done by itself.
      ring.release()
      #expect(injected.run(until: [cancelled.outcome]))
      #expect(injected.run(until: others.map { $0.outcome }))
      let innocent = try #require(next.value)
      #expect(innocent.request.node == cancelled.request.node)
      #expect(injected.run { ring.cancellations.count == 1 })
      for _ in 0..<3 { injected.loop.iterate() }
      innocent.expectUnderWay()
      ring.release()
      #expect(injected.run(until: [innocent.outcome]))
      innocent.outcome.expect(.success(100))
      cancelled.outcome.expect(.success(100))
      #expect(ring.cancellations == [-ENOENT])
    }

    /// A no-op of the caller's own, and what came of it.
    private func submitRaw(_ engine: AIOEngine, _ completions: Box<[RawCompletion]>) throws
      -> AIORequest
    {
      try engine.submit { entry in
        entry.pointee.opcode = UInt8(IORING_OP_NOP.rawValue)
      } completion: { completion in
        completions.update { $0.append(completion) }
      }
    }

    @Test func aCallersSubmissionThatTheRingRefusesCompletesOnce() throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(.ioURing)
      let completions = Box<[RawCompletion]>([])
      injected.script.failSubmissions(EINVAL)
      let request = try submitRaw(engine, completions)
      #expect(injected.run { request.isFinished })
      injected.script.failSubmissions(nil)
      for _ in 0..<3 { injected.loop.iterate() }
      #expect(completions.value == [RawCompletion(result: -EINVAL, flags: 0, isLast: true)])
    }

    @Test func aCallersSubmissionThatIsCancelledBeforeItIsMadeCompletesOnce() throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(.ioURing, submissionEntries: 2)
      let completions = Box<[RawCompletion]>([])
      let all = Box<[RawCompletion]>([])
      injected.script.failSubmissions(EBUSY)
      for _ in 0..<2 { _ = try submitRaw(engine, all) }
      let request = try submitRaw(engine, completions)
      request.cancel()
      #expect(completions.value.isEmpty)
      injected.script.failSubmissions(nil)
      #expect(injected.run { request.isFinished && all.value.count == 2 })
      #expect(completions.value == [RawCompletion(result: -ECANCELED, flags: 0, isLast: true)])
      #expect(injected.script.pieces.count == 2)
    }

    /// Contract 25.6: a nested loop also runs the completions of its parents', and so keeps their order.
    @Test func aNestedLoopReportsTheNextOfACallersCompletions() throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(.ioURing)
      let log = Log()
      injected.script.answer(.other, [.hold])
      let request = try engine.submit { entry in
        entry.pointee.opcode = UInt8(IORING_OP_NOP.rawValue)
      } completion: { completion in
        log.add("\(completion.result) begins")
        if completion.result == 1 { injected.context.poll(blocking: false) }
        log.add("\(completion.result) ends\(completion.isLast ? ", the last" : "")")
      }
      // As if a multishot operation had completed three times since the last pass.
      let more = UInt32(IORING_CQE_F_MORE)
      for result in 1...2 {
        injected.io.rawCompletion(request.node, Int32(result), more, isLast: false)
      }
      injected.ring!.release()
      #expect(injected.run { request.isFinished })
      for _ in 0..<3 { injected.loop.iterate() }
      #expect(
        log.value == [
          "1 begins", "2 begins", "2 ends", "0 begins", "0 ends, the last", "1 ends",
        ])
    }
  }
}
