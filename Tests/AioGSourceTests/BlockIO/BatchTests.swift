// Requests go to the kernel together: those of a pass, those of a batch, and no more than the maximum at a time. Contract
// 20.3, 20.7, architecture's third decision.

import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct BatchTests {
    private func read(
      _ loop: EngineLoop, _ file: TemporaryFile, _ count: Int, _ done: Counter
    ) {
      for _ in 0..<count {
        loop.engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 512)) {
          if $0 == .success(512) { done.increment() }
        }
      }
    }

    @Test(arguments: EngineCombination.all)
    func theRequestsOfAPassGoOutTogether(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(512))
      let done = Counter()
      let before = loop.engine.statistics.submissions
      loop.context.schedule { read(loop, file, 20, done) }
      #expect(loop.loop.run { done.value == 20 })
      #expect(loop.engine.statistics.submissions == before + 1)
    }

    @Test(arguments: EngineCombination.all)
    func outsideOfAPassEachGoesOutAtOnce(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(512))
      let done = Counter()
      let before = loop.engine.statistics.submissions
      read(loop, file, 5, done)
      #expect(loop.engine.statistics.submissions == before + 5)
      #expect(loop.loop.run { done.value == 5 })
    }

    @Test(arguments: EngineCombination.all)
    func aBatchGoesOutTogether(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(512))
      let done = Counter()
      let before = loop.engine.statistics.submissions
      loop.engine.withBatch {
        read(loop, file, 3, done)
        loop.engine.withBatch { read(loop, file, 3, done) }
        #expect(loop.engine.statistics.submissions == before)
      }
      #expect(loop.engine.statistics.submissions == before + 1)
      #expect(loop.loop.run { done.value == 6 })
    }

    @Test(arguments: EngineCombination.all)
    func aFullBatchDoesNotWait(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(512))
      let done = Counter()
      #expect(loop.engine.maximumBatch == 32)
      loop.engine.maximumBatch = 8
      let before = loop.engine.statistics.submissions
      loop.engine.beginBatch()
      read(loop, file, 20, done)
      #expect(loop.engine.statistics.submissions == before + 2)
      loop.engine.endBatch()
      #expect(loop.engine.statistics.submissions == before + 3)
      #expect(loop.loop.run { done.value == 20 })
    }

    @Test(arguments: EngineCombination.all)
    func aLoopThatRunsInABatchHandsItOver(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(512))
      let done = Counter()
      loop.engine.beginBatch()
      read(loop, file, 3, done)
      #expect(loop.loop.run { done.value == 3 })
      loop.engine.endBatch()
    }

    @Test func endingMoreBatchesThanWereBegunTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        context.io.endBatch()
      }
      expectSentence("endBatch() was called more often than beginBatch()", in: result)
      let none = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        context.io.maximumBatch = 0
      }
      expectSentence("a maximum batch of 0 was asked for; it is at least 1", in: none)
    }

    @Test(arguments: EngineCombination.oncePerDriver)
    func twoThousandAtATimeAllComplete(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let contents = randomBytes(1 << 20)
      for direct in [false, true] {
        let file = try TemporaryFile(contents, direct: direct)
        let done = Counter()
        for index in 0..<2_000 {
          let offset = index % 256 * 4_096
          let buffer = AIOBuffer(count: 4_096)
          loop.engine.read(from: file.descriptor, at: Int64(offset), into: buffer) { result in
            // By memcmp: in a debug build comparing arrays took seconds, and more where others want the processor.
            let isSame = contents.withUnsafeBytes { all in
              buffer.withBytes { memcmp($0.baseAddress!, all.baseAddress! + offset, 4_096) == 0 }
            }
            if result == .success(4_096), isSame { done.increment() }
          }
        }
        #expect(loop.loop.run { done.value == 2_000 })
      }
    }
  }
}
