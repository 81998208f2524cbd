// The request that does nothing: it goes the way of all others.

import AioGSource
import SystemPackage
import Testing

extension AllTests {
  @Suite struct NoOperationTests {
    @Test(arguments: EngineCombination.all)
    func itCompletesWithNothingAndNotFromWithinItsCall(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      #expect(try loop.await { loop.engine.noOperation(completion: $0) } == .success(0))
    }

    @Test(arguments: EngineCombination.all)
    func moreThanAQueueHoldsComplete(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let completed = Counter()
      for _ in 0..<500 { loop.engine.noOperation { _ in completed.increment() } }
      #expect(loop.loop.run { completed.value == 500 })
      loop.loop.settle()
      #expect(completed.value == 500)
    }

    @Test(arguments: EngineCombination.all)
    func itIsCancelledOrDone(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let outcome = Box<Result<Int, Errno>?>(nil)
      loop.engine.beginBatch()
      let request = loop.engine.noOperation { outcome.value = $0 }
      request.cancel()
      loop.engine.endBatch()
      #expect(loop.loop.run { outcome.value != nil })
      #expect(outcome.value == .success(0) || outcome.value == .failure(.canceled))
      #expect(request.isFinished)
    }
  }
}
