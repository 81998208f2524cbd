// What becomes of requests when the kernel refuses what an engine needs for them: descriptors, threads, room in a queue.
// Transfers that are short or refused are in the injection tests. Contract 18.2, 19.2, 24b.

import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct EngineFaultTests {
    private static let loops = Driver.allCases.map { Combination(driver: $0, monitor: .poll) }

    /// Completes once, with this; and the next one is as if nothing had been.
    private func refused(
      _ combination: Combination, _ call: FaultyKernel.Call, _ error: CInt
    ) throws {
      let faulty = try FaultyLoop(combination)
      let engine = try faulty.context.engine(.threads)
      let pair = Pair.sockets()
      let outcome = Outcome()
      faulty.kernel.fail(call, .error(error))
      engine.receive(on: pair.reader, into: AIOBuffer(count: 8), completion: outcome.completion)
      #expect(outcome.all.isEmpty)
      #expect(faulty.run { outcome.isThere })
      #expect(faulty.kernel.isSpent)
      #expect(outcome.all == [.failure(Errno(rawValue: error))])
      let next = Outcome()
      engine.receive(on: pair.reader, into: AIOBuffer(count: 8), completion: next.completion)
      faulty.settle()
      pair.write("abc")
      #expect(faulty.run { next.isThere })
      #expect(next.all == [.success(3)])
      #expect(outcome.all.count == 1)
    }

    @Test(arguments: loops, [EMFILE, ENFILE])
    func withoutADescriptorToWatchWithARequestFails(
      _ combination: Combination, _ error: CInt
    ) throws {
      try refused(combination, .duplicate, error)
    }

    @Test(arguments: loops, [EMFILE, ENOMEM])
    func withoutASetToWatchWithARequestFails(_ combination: Combination, _ error: CInt) throws {
      try refused(combination, .epollCreate, error)
    }

    @Test(arguments: loops, [ENOMEM, ENOSPC])
    func withoutRoomInTheSetARequestFails(_ combination: Combination, _ error: CInt) throws {
      let before = openDescriptors()
      try refused(combination, .epollControl, error)
      #expect(openDescriptors() == before)
    }

    @Test(arguments: loops)
    func aReceiveThatIsInterruptedIsMadeAgain(_ combination: Combination) throws {
      let faulty = try FaultyLoop(combination)
      let pair = Pair.sockets()
      let outcome = Outcome()
      pair.write("abc")
      faulty.kernel.fail(.receive, .error(EINTR), .error(EINTR))
      try faulty.context.engine(.threads).receive(
        on: pair.reader, into: AIOBuffer(count: 8), completion: outcome.completion)
      #expect(faulty.run { outcome.isThere })
      #expect(faulty.kernel.isSpent)
      #expect(outcome.all == [.success(3)])
    }

    /// Contract 19.2: with no worker to be had the work is done all the same.
    @Test(arguments: loops)
    func withoutAThreadAJobIsDone(_ combination: Combination) throws {
      let faulty = try FaultyLoop(combination)
      let done = Counter()
      faulty.kernel.failAlways(.threadCreate, .error(EAGAIN))
      for value in 0..<5 {
        let completion: @Sendable (Result<Int, any Error>) -> Void = { result in
          if (try? result.get()) == value { done.increment() }
        }
        faulty.context.threadPool.submit({ value }, completion: completion)
      }
      #expect(faulty.run { done.value == 5 })
      #expect(faulty.context.threadPool.threadCount == 0)
      // And by workers once there are.
      faulty.kernel.failAlways(.threadCreate, nil)
      let home = UInt(pthread_self())
      let worker = Box<UInt>(0)
      let completion: @Sendable (Result<UInt, any Error>) -> Void = { result in
        worker.value = (try? result.get()) ?? 0
      }
      faulty.context.threadPool.submit({ UInt(pthread_self()) }, completion: completion)
      #expect(faulty.run { worker.value != 0 })
      #expect(worker.value != home)
    }

    @Test(arguments: loops)
    func whatTheDiskSaysIsTheResult(_ combination: Combination) throws {
      let faulty = try FaultyLoop(combination)
      let engine = try faulty.context.engine(.threads)
      let file = try TestFile(count: 512)
      let outcomes = (0..<2).map { _ in Outcome() }
      faulty.kernel.fail(.synchronize, .error(EINTR), .error(EIO), .error(EINTR))
      engine.synchronize(file.descriptor, completion: outcomes[0].completion)
      #expect(faulty.run { outcomes[0].isThere })
      engine.synchronize(file.descriptor, completion: outcomes[1].completion)
      #expect(faulty.run { outcomes[1].isThere })
      #expect(outcomes[0].all == [.failure(.ioError)])
      #expect(outcomes[1].all == [.success(0)])
      #expect(throws: AioError.self) {
        faulty.kernel.failAlways(.aioSetUp, .error(EAGAIN))
        _ = try faulty.context.engine(.linuxAIO)
      }
      #expect(faulty.kernel.count(.aioSetUp) == 2)
    }

    /// A ring with two entries in each queue: every submission fills it, and the kernel holds completions back.
    @Test(arguments: Combination.all.filter { $0.monitor == .ioURing })
    func aRingThatOverflowsLosesNothing(_ combination: Combination) throws {
      let faulty = try FaultyLoop(combination, ringEntries: 2)
      let engine = try faulty.context.engine(.ioURing)
      let pairs = (0..<20).map { _ in Pair.pipe() }
      let reads = Counter()
      for pair in pairs {
        try faulty.context.setHandler(
          for: pair.reader,
          onReadable: {
            reads.increment()
            pair.drain()
          })
      }
      let outcomes = (0..<40).map { _ in Outcome() }
      for round in 1...3 {
        for pair in pairs { pair.write() }
        #expect(faulty.run { reads.value == 20 * round })
      }
      for pair in pairs { pair.write() }
      for (index, outcome) in outcomes.enumerated() {
        if index % 2 == 0 {
          engine.noOperation(completion: outcome.completion)
        } else {
          engine.timeout(after: .milliseconds(index % 3), completion: outcome.completion)
        }
      }
      #expect(faulty.run { outcomes.allSatisfy { $0.isThere } && reads.value == 80 })
      faulty.settle()
      #expect(reads.value == 80)
      #expect(outcomes.allSatisfy { $0.all == [.success(0)] })
      for pair in pairs { faulty.context.removeHandler(for: pair.reader) }
    }
  }
}
