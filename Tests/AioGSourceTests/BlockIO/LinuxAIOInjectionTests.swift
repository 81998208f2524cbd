// Contract 20.1, 20.4, H5: what io_setup and io_submit can answer, and what becomes of the requests then.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct LinuxAIOInjectionTests {
    /// Reads through a Linux AIO engine over the fake kernel.
    private func make(
      _ count: Int, _ combination: Combination = Combination(driver: .poll, monitor: .epoll),
      isDirect: Bool = true, setUpAnswers: [CInt] = []
    ) throws -> (InjectedLoop, SmallReads) {
      let injected = try InjectedLoop(combination)
      injected.kernel.claimsDirect = isDirect
      injected.kernel.linuxAIO.setUpAnswers = setUpAnswers
      let engine = try injected.engine(.linuxAIO)
      #expect(engine.kind == .linuxAIO)
      return (injected, try SmallReads(count, on: engine))
    }

    @Test func withSomethingUnderWayAFullKernelIsWaitedFor() throws {
      let (injected, reads) = try make(5)
      injected.script.answer(.read, [.hold])
      reads.start(0..<1)
      injected.script.failSubmissions(EAGAIN)
      reads.start(1..<5)
      for _ in 0..<5 { injected.loop.iterate() }
      #expect(injected.script.ways == [.linuxAIO])
      #expect(reads.outcomes.allSatisfy { !$0.isThere })
      injected.script.failSubmissions(nil)
      injected.kernel.linuxAIO.release()
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(injected.script.ways == ways(.linuxAIO, 5))
    }

    @Test(arguments: Combination.all, [false, true])
    func withNothingUnderWayWorkersTakeThem(_ combination: Combination, _ inPass: Bool) throws {
      let (injected, reads) = try make(5, combination)
      injected.script.answerSubmissions([.error(EAGAIN)])
      reads.startAll(on: injected, inPass: inPass)
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(injected.script.ways == ways(.call, 5))
      #expect(reads.engine.statistics.handedToThreads == 5)
    }

    @Test(arguments: Combination.all, [false, true])
    func anErrorIsTheFirstRequestsAndTheOthersGoOn(_ combination: Combination, _ inPass: Bool)
      throws
    {
      for bad in [0, 2, 4] {
        let (injected, reads) = try make(5, combination)
        injected.script.answer(
          .read, Array(repeating: .perform, count: bad) + [.refuse(EINVAL)])
        reads.startAll(on: injected, inPass: inPass)
        // At once, not one in each pass.
        if !inPass { #expect(injected.script.ways == ways(.linuxAIO, 5)) }
        #expect(injected.run(until: reads.outcomes))
        reads.outcomes[bad].expect(.failure(.invalidArgument))
        reads.expectSuccess(0..<bad)
        reads.expectSuccess(bad + 1..<5)
        #expect(injected.script.ways == ways(.linuxAIO, 5))
      }
    }

    @Test func allMayBeWrong() throws {
      let (injected, reads) = try make(5)
      injected.script.answer(.read, Array(repeating: .refuse(EBADF), count: 5))
      reads.startAll(on: injected, inPass: true)
      #expect(injected.run(until: reads.outcomes))
      for outcome in reads.outcomes { outcome.expect(.failure(.badFileDescriptor)) }
      #expect(injected.script.ways == ways(.linuxAIO, 5))
    }

    @Test(arguments: [false, true])
    func aSignalOrAPartOfASubmissionIsNoReasonToStop(_ inPass: Bool) throws {
      let (injected, reads) = try make(20)
      injected.script.answerSubmissions([
        .error(EINTR), .accept(1), .error(EINTR), .error(EINTR), .accept(7), .accept(2),
      ])
      reads.startAll(on: injected, inPass: inPass)
      #expect(injected.run(until: reads.outcomes))
      reads.expectSuccess()
      #expect(injected.script.ways == ways(.linuxAIO, 20))
      #expect(injected.script.isSpent)
    }

    @Test(arguments: Combination.all, [false, true])
    func moreRequestsThanTheKernelTakesAllComplete(_ combination: Combination, _ inPass: Bool)
      throws
    {
      let (injected, reads) = try make(1_000, combination, setUpAnswers: [EAGAIN])
      #expect(injected.kernel.linuxAIO.depthsAsked == [1024, 128])
      injected.script.answer(.read, Array(repeating: .hold, count: 200))
      reads.startAll(on: injected, inPass: inPass)
      for _ in 0..<3 { injected.loop.iterate() }
      #expect(injected.kernel.linuxAIO.heldCount == 128)
      #expect(
        injected.run {
          injected.kernel.linuxAIO.release()
          return reads.outcomes.allSatisfy { $0.isThere }
        })
      reads.expectSuccess()
      #expect(injected.script.ways == ways(.linuxAIO, 1_000))
    }

    @Test func theSystemMayHaveNoContextAtAll() throws {
      for (answers, code) in [
        ([EAGAIN, EAGAIN], EAGAIN), ([ENOSYS], ENOSYS), ([EAGAIN, ENOMEM], ENOMEM),
      ] {
        let injected = try InjectedLoop()
        injected.kernel.linuxAIO.setUpAnswers = answers
        let error = #expect(throws: AioError.self) { try injected.engine(.linuxAIO) }
        guard case .engineUnavailable(.linuxAIO, Errno(rawValue: code)) = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
        // Asking again is fine.
        #expect(try injected.engine(.linuxAIO).kind == .linuxAIO)
      }
    }

    @Test(
      arguments: Combination.all, [Answer.refuse(EOPNOTSUPP), .error(EOPNOTSUPP), .error(EAGAIN)])
    func whatIsNotInThePageCacheIsAWorkers(_ combination: Combination, _ answer: Answer) throws {
      for inPass in [false, true] {
        let (injected, reads) = try make(4, combination, isDirect: false)
        injected.script.answer(.read, [.perform, answer])
        reads.startAll(on: injected, inPass: inPass)
        #expect(injected.run(until: reads.outcomes))
        reads.expectSuccess()
        #expect(injected.script.ways.filter { $0 == .linuxAIO }.count == 4)
        #expect(injected.script.ways.filter { $0 == .call }.count == 1)
        let asked = injected.script.pieces.filter { $0.way == .linuxAIO }
        #expect(asked.allSatisfy { $0.flags == CInt(AIOGS_RWF_NOWAIT) })
      }
    }

    @Test(arguments: [Answer.refuse(EINVAL), .error(EINVAL)])
    func aKernelThatCannotSynchronizeIsNotAskedAgain(_ answer: Answer) throws {
      for dataOnly in [false, true] {
        for inPass in [false, true] {
          let injected = try InjectedLoop()
          let engine = try injected.engine(.linuxAIO)
          let file = try TestFile(count: 10)
          injected.script.answer(.synchronize, [answer])
          for round in 0..<2 {
            let outcome = Outcome()
            let start = { @Sendable in
              _ = engine.synchronize(
                file.descriptor, dataOnly: dataOnly, completion: outcome.completion)
            }
            if inPass { injected.inPass(start) } else { start() }
            #expect(injected.run(until: [outcome]))
            outcome.expect(.success(0))
            #expect(engine.statistics.handedToThreads == round + 1)
          }
          #expect(injected.script.pieces.map { $0.way } == [.linuxAIO])
        }
      }
    }

    @Test func closingGivesTheContextBack() throws {
      let injected = try InjectedLoop()
      _ = try injected.engine(.linuxAIO)
      #expect(injected.io.close() == [])
      #expect(injected.kernel.linuxAIO.isDestroyed)
      injected.context.loopIO = nil
    }
  }
}
