// Contract 18.2, 18.3, 19.6: a request that is cancelled, at whatever point of its life, completes exactly once, later, and
// keeps its buffers until then and no longer; on each engine.

import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct CancellationInjectionTests {
    static let injections = Injection.all.filter { $0.isDirect }

    private final class Case {
      let injection: Injection
      let injected: InjectedLoop
      let engine: AIOEngine
      let file: TestFile

      init(_ injection: Injection) throws {
        self.injection = injection
        injected = try InjectedLoop()
        engine = try injected.engine(injection.kind, submissionEntries: 4)
        #expect(engine.kind == injection.kind)
        file = try TestFile(count: 9_000)
        // One worker, so that others can be queued behind it.
        try injected.context.threadPool.setThreads(minimum: 0, maximum: 1)
      }

      func read(at offset: Int = 100, then: (@Sendable () -> Void)? = nil) -> TrackedRequest {
        TrackedRequest(
          .read, engine, file, at: offset, count: 5_000, injection.shape, then: then)
      }

      /// A read that the kernel, or a worker, has and does not finish until it is released.
      func held() -> TrackedRequest {
        injected.script.forget()
        injected.script.answer(.read, [.hold])
        let request = read()
        let deadline = monotonicNow() + 10_000_000_000
        while injected.script.pieces.isEmpty && monotonicNow() < deadline { usleep(100) }
        #expect(injected.script.ways == [injection.way(.read)])
        return request
      }

      func release(_ answer: Answer = .perform) {
        injected.ring?.release(answer)
        injected.kernel.linuxAIO.release(answer)
        injected.script.release()
      }

      func forbidCancelling() {
        injected.ring?.canCancel = false
        injected.kernel.linuxAIO.canCancel = false
      }

      func run(_ requests: TrackedRequest...) {
        #expect(injected.run(until: requests.map { $0.outcome }))
        for request in requests { request.expectFinished() }
      }

      func expectContents(_ request: TrackedRequest) {
        request.outcome.expect(.success(5_000))
        #expect(
          firstDifference(request.contents.value, Array(file.contents[100..<5_100])) == nil)
      }
    }

    @Test(arguments: injections)
    func whatNobodyHasYetNobodyGets(_ injection: Injection) throws {
      let test = try Case(injection)
      test.engine.beginBatch()
      // Of a ring that is full, and whose kernel takes nothing now.
      test.injected.script.failSubmissions(injection.kind == .ioURing ? EBUSY : nil)
      let others = injection.kind == .ioURing ? (0..<4).map { _ in test.read() } : []
      let request = test.read()
      request.request.cancel()
      request.request.cancel()
      request.expectUnderWay()
      test.injected.script.failSubmissions(nil)
      test.engine.endBatch()
      request.expectUnderWay()
      test.run(request)
      request.outcome.expect(.failure(.canceled))
      #expect(test.injected.run(until: others.map { $0.outcome }))
      for other in others { test.expectContents(other) }
      #expect(test.injected.script.pieces.count == others.count)
    }

    @Test(arguments: injections)
    func whatIsUnderWayIsGivenBackEarlyWhereThatCanBe(_ injection: Injection) throws {
      let test = try Case(injection)
      let request = test.held()
      request.request.cancel()
      request.request.cancel()
      request.expectUnderWay()
      // A worker cannot be stopped.
      if injection.kind == .threads { test.release() }
      test.run(request)
      if injection.kind == .threads {
        test.expectContents(request)
      } else {
        request.outcome.expect(.failure(.canceled))
      }
      #expect(test.injected.script.ways == [injection.way(.read)])
    }

    @Test(arguments: injections)
    func whatCannotBeGivenBackKeepsItsBuffersAndItsResult(_ injection: Injection) throws {
      let test = try Case(injection)
      test.forbidCancelling()
      let request = test.held()
      request.request.cancel()
      for _ in 0..<5 {
        test.injected.ring?.look()
        test.injected.loop.iterate()
        request.expectUnderWay()
      }
      test.release()
      test.run(request)
      test.expectContents(request)
    }

    @Test(arguments: injections.filter { $0.kind != .threads })
    func theRestOfACancelledRequestIsNotMade(_ injection: Injection) throws {
      for answer in [Answer.short(511), .error(EINTR), .error(EAGAIN)] {
        let test = try Case(injection)
        test.forbidCancelling()
        let request = test.held()
        request.request.cancel()
        test.injected.loop.iterate()
        test.release(answer)
        test.run(request)
        request.outcome.expect(.failure(.canceled))
        #expect(test.injected.script.ways == [injection.way(.read)])
      }
    }

    @Test(arguments: injections)
    func whatIsFinishedAndNotReportedHasItsResult(_ injection: Injection) throws {
      let test = try Case(injection)
      let request = test.read()
      // With the kernel it is done by now; a worker has it done soon.
      let deadline = monotonicNow() + 10_000_000_000
      while injection.kind == .threads && !test.injected.io.hasCompletions
        && monotonicNow() < deadline
      { usleep(100) }
      request.request.cancel()
      request.expectUnderWay()
      test.run(request)
      test.expectContents(request)
      #expect(test.injected.script.ways == [injection.way(.read)])
    }

    @Test(arguments: injections)
    func aCompletionMayCancelWhatFinishedBesideIt(_ injection: Injection) throws {
      let test = try Case(injection)
      let second = Box<TrackedRequest?>(nil)
      test.engine.beginBatch()
      let first = test.read { second.value?.request.cancel() }
      second.value = test.read()
      test.engine.endBatch()
      let other = try #require(second.value)
      test.run(first, other)
      test.expectContents(first)
      if injection.kind != .threads { test.expectContents(other) }
      #expect(test.injected.script.ways.allSatisfy { $0 == injection.way(.read) })
    }

    @Test(arguments: injections)
    func aHandleThatIsOverDoesNotReachTheNextRequest(_ injection: Injection) throws {
      let test = try Case(injection)
      let old = test.read()
      test.run(old)
      let next = test.held()
      #expect(next.request.node == old.request.node, "the memory is used again")
      old.request.cancel()
      old.request.cancelAndWait()
      next.expectUnderWay()
      test.release()
      test.run(next)
      test.expectContents(next)
    }

    @Test(arguments: injections)
    func cancellingAndWaitingReturnsAfterTheCompletion(_ injection: Injection) throws {
      let test = try Case(injection)
      let request = test.held()
      if injection.kind == .threads { test.release() }
      request.request.cancelAndWait()
      request.expectFinished()
      test.run(request)
    }

    @Test(arguments: injections)
    func anotherThreadMayCancel(_ injection: Injection) throws {
      let test = try Case(injection)
      let request = test.held()
      let handle = request.request!
      let thread = TestThread { handle.cancel() }
      if injection.kind == .threads { test.release() }
      test.run(request)
      thread.join()
      // A worker may have been quicker: the request to cancel still has to be looked at.
      test.injected.loop.settle()
      if injection.kind != .threads { request.outcome.expect(.failure(.canceled)) }
    }

    @Test(arguments: injections)
    func closingWaitsForWhatIsUnderWayAndReportsAll(_ injection: Injection) throws {
      let test = try Case(injection)
      test.forbidCancelling()
      let underWay = test.held()
      test.engine.beginBatch()
      let queued = test.read()
      // A worker has to be let go; the kernel finishes while it is waited for.
      if injection.kind == .threads { test.release() }
      let left = test.injected.io.close()
      let words = ["2 requests (read) are under way", "2 requests (readVector) are under way"]
      #expect(left.count == 1 && words.contains(left[0]), "\(left)")
      underWay.expectFinished()
      queued.expectFinished()
      test.expectContents(underWay)
      test.injected.context.loopIO = nil
    }
  }
}
