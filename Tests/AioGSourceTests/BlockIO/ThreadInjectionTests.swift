// Contract 19.3, 19.6: what workers, and the page cache before them, make of injected results.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct ThreadInjectionTests {
    private func make(isDirect: Bool, maximum: Int = 1) throws -> (InjectedLoop, AIOEngine) {
      let injected = try InjectedLoop()
      injected.kernel.claimsDirect = isDirect
      let engine = try injected.engine(.threads)
      #expect(engine.kind == .threads)
      try injected.context.threadPool.setThreads(minimum: 0, maximum: maximum)
      return (injected, engine)
    }

    @Test func whatIsInThePageCacheNeedsNoWorker() throws {
      let (injected, engine) = try make(isDirect: false)
      let reads = try SmallReads(10, on: engine)
      reads.startAll(on: injected, inPass: true)
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(engine.statistics.answeredByPageCache == 10)
      #expect(engine.statistics.handedToThreads == 0)
      #expect(injected.script.pieces.allSatisfy { $0.flags == CInt(AIOGS_RWF_NOWAIT) })
    }

    @Test(arguments: [
      Answer.error(EAGAIN), .error(EOPNOTSUPP), .error(EIO), .error(EINTR), .short(0), .short(1),
      .short(63),
    ])
    func whatThePageCacheDoesNotHaveAllOfIsAWorkers(_ answer: Answer) throws {
      let (injected, engine) = try make(isDirect: false)
      let reads = try SmallReads(1, on: engine)
      injected.script.answer(.read, [answer, .error(EINTR), .short(1)])
      reads.start()
      #expect(injected.run(until: reads.outcomes))
      let isWhole = answer == .short(63)
      reads.expectSuccess()
      #expect(engine.statistics.answeredByPageCache == 0)
      #expect(engine.statistics.handedToThreads == 1)
      let flags = injected.script.pieces.map { $0.flags }
      #expect(flags == [CInt(AIOGS_RWF_NOWAIT), 0, 0] + (isWhole ? [] : [0]))
    }

    /// epoll does not watch files: to ask again until the page is there would hold the loop.
    @Test func aFilesOwnPositionIsReadByAWorkerIfThePageCacheDoesNotHaveIt() throws {
      let (injected, engine) = try make(isDirect: false)
      let file = try TestFile(count: 100)
      injected.script.answer(.read, Array(repeating: .error(EAGAIN), count: 50))
      try file.descriptor.seek(offset: 0, from: .start)
      let buffer = AIOBuffer(count: 100)
      let outcome = Outcome()
      engine.read(from: file.descriptor, into: buffer, completion: outcome.completion)
      #expect(injected.run(until: [outcome]))
      outcome.expect(.success(100))
      #expect(injected.script.pieces.filter { $0.flags != 0 }.count == 1)
      #expect(Array(buffer.bytes) == file.contents)
    }

    @Test func workersTakeRequestsInOrder() throws {
      let (injected, engine) = try make(isDirect: true)
      let reads = try SmallReads(50, on: engine)
      injected.script.answer(.read, [.hold, .short(1), .error(EINTR), .error(EAGAIN)])
      reads.startAll(on: injected, inPass: false)
      injected.script.release()
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      let offsets = injected.script.pieces.map { Int($0.offset) / SmallReads.size }
      #expect(offsets == offsets.sorted())
      #expect(Set(offsets).count == 50)
      #expect(injected.script.ways.allSatisfy { $0 == .call })
    }

    @Test func behindABusyWorkerRequestsCanBeTakenBack() throws {
      let (injected, engine) = try make(isDirect: true)
      let file = try TestFile(count: 10_000)
      injected.script.answer(.read, [.hold])
      let busy = TrackedRequest(.read, engine, file, at: 0, count: 100, .single)
      #expect(injected.run(limit: .milliseconds(20)) { false } == false)
      #expect(injected.script.pieces.count == 1)
      let queued = (0..<20).map {
        TrackedRequest(.read, engine, file, at: 100 * $0, count: 100, .vector)
      }
      for index in stride(from: 0, to: 20, by: 2) { queued[index].request.cancel() }
      for request in queued { request.expectUnderWay() }
      for _ in 0..<3 { injected.loop.iterate() }
      for (index, request) in queued.enumerated() {
        if index % 2 == 0 {
          request.outcome.expect(.failure(.canceled))
          request.expectFinished()
        } else {
          request.expectUnderWay()
        }
      }
      busy.expectUnderWay()
      injected.script.release()
      #expect(injected.run(until: ([busy] + queued).map { $0.outcome }))
      for request in [busy] + queued { request.expectFinished() }
      for index in stride(from: 1, to: 20, by: 2) {
        queued[index].outcome.expect(.success(100))
        #expect(
          queued[index].contents.value == Array(file.contents[100 * index..<100 * index + 100]))
      }
      #expect(injected.script.pieces.count == 11)
    }

    @Test(arguments: [true, false])
    func aThousandRequestsWithEveryFaultAllComplete(_ isDirect: Bool) throws {
      let (injected, engine) = try make(isDirect: isDirect, maximum: 4)
      let reads = try SmallReads(1_000, on: engine)
      injected.script.answer(
        .read,
        // No EAGAIN, of which one request may have only so many: which worker gets which answer is chance.
        (0..<500).flatMap { _ in [.perform, .short(1), .error(EINTR), .short(63)] })
      reads.startAll(on: injected, inPass: true)
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(injected.script.ways.allSatisfy { $0 == .call })
      #expect(injected.context.threadPool.threadCount <= 4)
    }
  }
}
