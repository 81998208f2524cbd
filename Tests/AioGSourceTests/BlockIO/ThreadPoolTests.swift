// Contract 19: the thread pool, its threads and its jobs.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct ThreadPoolTests {
    struct Failure: Error {}

    /// How many are at something, and how many there were at the most.
    private final class Gauge: @unchecked Sendable {
      private let lock = Lock()
      private var now = 0
      private var most = 0
      var highest: Int { lock.withLock { most } }
      func enter() {
        lock.withLock {
          now += 1
          most = max(most, now)
        }
      }
      func leave() { lock.withLock { now -= 1 } }
    }

    @Test(arguments: Combination.all)
    func aJobRunsOnAWorkerAndItsCompletionAtHome(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let home = pthread_self()
      let outcomes = Log()
      loop.context.threadPool.submit {
        // A worker has no context, and no signals.
        var blocked = sigset_t()
        pthread_sigmask(SIG_SETMASK, nil, &blocked)
        return (
          AioContext.current == nil, pthread_equal(home, pthread_self()) == 0,
          sigismember(&blocked, SIGTERM) == 1
        )
      } completion: { result in
        let (noContext, otherThread, noSignals) = (try? result.get()) ?? (false, false, false)
        #expect(noContext && otherThread && noSignals)
        #expect(pthread_equal(home, pthread_self()) != 0)
        outcomes.add("value")
      }
      loop.context.threadPool.submit {
        throw Failure()
      } completion: { (result: Result<Int, any Error>) in
        #expect(throws: Failure.self) { try result.get() }
        outcomes.add("error")
      }
      #expect(outcomes.value.isEmpty)
      #expect(loop.run { outcomes.value.count == 2 })
    }

    @Test(arguments: Combination.all)
    func neverMoreThreadsThanTheMaximum(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let gauge = Gauge()
      let done = Counter()
      for _ in 0..<100 {
        loop.context.threadPool.submit {
          gauge.enter()
          sleep(milliseconds: 5)
          gauge.leave()
        } completion: { _ in
          done.increment()
        }
      }
      #expect(loop.run { done.value == 100 })
      #expect(gauge.highest <= 64)
      #expect(gauge.highest > 1)
      #expect(loop.context.threadPool.threadCount <= 64)
    }

    @Test(arguments: Combination.all)
    func jobsStartInTheOrderOfTheirSubmission(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      try loop.context.threadPool.setThreads(minimum: 0, maximum: 1)
      let started = Box<[Int]>([])
      let done = Counter()
      for index in 0..<200 {
        loop.context.threadPool.submit {
          started.update { $0.append(index) }
        } completion: { _ in
          done.increment()
        }
      }
      #expect(loop.run { done.value == 200 })
      #expect(started.value == Array(0..<200))
    }

    /// The seed grows only when no worker is idle: a long job then held up the one behind it (H11).
    @Test(arguments: Combination.all)
    func oneIdleWorkerDoesNotHoldUpTwoJobs(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pool = loop.context.threadPool
      let warm = Flag()
      pool.submit {
      } completion: { _ in
        warm.set()
      }
      #expect(loop.run { warm.isSet })
      while pool.threadCount != 1 { sleep(milliseconds: 1) }
      sleep(milliseconds: 20)
      let release = Flag()
      let done = Counter()
      loop.context.io.withBatch {
        pool.submit {
          while !release.isSet { sleep(milliseconds: 1) }
        } completion: { _ in
          done.increment()
        }
        pool.submit {
          release.set()
        } completion: { _ in
          done.increment()
        }
      }
      #expect(loop.run { done.value == 2 })
    }

    @Test(arguments: Combination.all)
    func aQueuedJobIsCancelledAndARunningOneIsNot(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pool = loop.context.threadPool
      try pool.setThreads(minimum: 0, maximum: 1)
      let isRunning = Flag()
      let release = Flag()
      let outcomes = Log()
      let running = pool.submit {
        isRunning.set()
        while !release.isSet { sleep(milliseconds: 1) }
      } completion: { (result: Result<Void, any Error>) in
        if case .success = result { outcomes.add("first") }
      }
      while !isRunning.isSet { sleep(milliseconds: 1) }
      let hasRun = Flag()
      let queued = pool.submit {
        hasRun.set()
      } completion: { result in
        #expect(throws: Errno.canceled) { try result.get() }
        outcomes.add("second")
      }
      queued.cancel()
      running.cancel()
      #expect(outcomes.value.isEmpty)
      queued.cancelAndWait()
      #expect(outcomes.value == ["second"])
      release.set()
      running.cancelAndWait()
      #expect(outcomes.value == ["second", "first"])
      #expect(!hasRun.isSet)
    }

    @Test(arguments: Combination.all)
    func aCompletionMayNestTheLoopForAnother(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pool = loop.context.threadPool
      let second = Flag()
      let first = Flag()
      pool.submit {
      } completion: { _ in
        while !second.isSet { loop.context.poll(blocking: true) }
        // New work from a completion.
        pool.submit {
        } completion: { _ in
          first.set()
        }
      }
      pool.submit {
      } completion: { _ in
        second.set()
      }
      sleep(milliseconds: 20)
      #expect(loop.run { first.isSet })
    }

    @Test(arguments: Combination.all)
    func theLimitsChangeWhileItRuns(_ combination: Combination) throws {
      let before = threadCount()
      let loop = try TestLoop(combination)
      let pool = loop.context.threadPool
      #expect(pool.minimumThreads == 0 && pool.maximumThreads == 64)
      try pool.setThreads(minimum: 4, maximum: 8)
      for _ in 0..<1_000 where pool.threadCount < 4 { sleep(milliseconds: 1) }
      #expect(pool.threadCount == 4)
      try pool.setThreads(minimum: 0, maximum: 2)
      for _ in 0..<1_000 where pool.threadCount > 2 { sleep(milliseconds: 1) }
      #expect(pool.threadCount <= 2)
      // Those that left are joined by the next submission.
      let done = Flag()
      pool.submit {
      } completion: { _ in
        done.set()
      }
      #expect(loop.run { done.isSet })
      #expect(threadsComeDown(to: before + 2))
      for (minimum, maximum) in [(-1, 4), (5, 4), (0, 0), (0, Int(Int32.max) + 1), (-2, -1)] {
        let error = #expect(throws: AioError.self) {
          try pool.setThreads(minimum: minimum, maximum: maximum)
        }
        #expect(error == .invalidThreadLimits(minimum: minimum, maximum: maximum))
      }
      #expect(pool.minimumThreads == 0 && pool.maximumThreads == 2)
    }

    @Test(arguments: Combination.all)
    func theContextGoesWithItsThreads(_ combination: Combination) throws {
      let before = threadCount()
      for _ in 0..<5 {
        let loop = try TestLoop(combination)
        let done = Counter()
        for _ in 0..<64 {
          loop.context.threadPool.submit {
          } completion: { _ in
            done.increment()
          }
        }
        #expect(loop.run { done.value == 64 })
        // Right after the last completion.
      }
      #expect(threadsComeDown(to: before))
    }

    @Test func idleWorkersGo() throws {
      let before = threadCount()
      let context = try AioContext()
      let done = Counter()
      let bottomHalf = context.makeBottomHalf {}
      let pool = WorkerPool(
        name: "brief", kernel: .system, bottomHalf: bottomHalf, idleTime: 20_000_000)
      let io = ContextIO(context: context, kernel: .system)
      var queue = RequestQueue()
      for _ in 0..<4 {
        let request = io.take()
        request.pointee.operation = .job
        request.pointee.state.start()
        request.pointee.owner = ValueJob {
          sleep(milliseconds: 5)
          done.increment()
        }
        queue.append(request)
      }
      pool.enqueue(&queue)
      while done.value < 4 { sleep(milliseconds: 1) }
      for _ in 0..<1_000 where pool.snapshot.workers > 0 { sleep(milliseconds: 1) }
      #expect(pool.snapshot.workers == 0)
      pool.stop()
      #expect(threadsComeDown(to: before))
    }

    @Test(arguments: Combination.all)
    func anAsyncSubmissionReturnsWhatTheJobReturned(_ combination: Combination) async throws {
      let thread = try IOThread(
        name: "async",
        configuration: .init(monitor: .demanded(combination.monitor)))
      if combination.driver == .glib { _ = try thread.mainContext() }
      // In a box, for the thread sanitizer does not see what a continuation hands over that is resumed before it is awaited.
      let made = Box<ThreadPool?>(nil)
      await withCheckedContinuation { continuation in
        thread.context.schedule {
          made.value = thread.context.threadPool
          continuation.resume()
        }
      }
      let pool = try #require(made.value)
      let value = try await pool.submit { 6 * 7 }
      #expect(value == 42)
      await #expect(throws: Failure.self) { try await pool.submit { throw Failure() } }
      // One that is cancelled while it is queued.
      let release = Flag()
      try await withCheckedThrowingContinuation {
        (continuation: CheckedContinuation<Void, any Error>) in
        thread.context.schedule {
          continuation.resume(with: Result { try pool.setThreads(minimum: 0, maximum: 1) })
        }
      }
      let blocker = Task {
        try await pool.submit { while !release.isSet { sleep(milliseconds: 1) } }
      }
      while pool.threadCount == 0 { sleep(milliseconds: 1) }
      sleep(milliseconds: 20)
      let task = Task { try await pool.submit { 1 } }
      sleep(milliseconds: 20)
      task.cancel()
      await #expect(throws: Errno.canceled) { try await task.value }
      release.set()
      try await blocker.value
      thread.stop()
    }

    @Test func aStressOfSubmissionsAndCancellations() throws {
      let context = try AioContext(name: "stress")
      let pool = context.threadPool
      var generator = SystemRandomNumberGenerator()
      let completions = Counter()
      let runs = Counter()
      let cancelled = Counter()
      var requests: [AIORequest] = []
      for index in 0..<10_000 {
        requests.append(
          pool.submit {
            runs.increment()
          } completion: { result in
            completions.increment()
            if (try? result.get()) == nil { cancelled.increment() }
          })
        if Bool.random(using: &generator) { requests.randomElement(using: &generator)?.cancel() }
        if index % 100 == 0 { context.poll(blocking: false) }
        if index % 1_000 == 0 {
          try pool.setThreads(minimum: 0, maximum: Int.random(in: 1...8, using: &generator))
          requests.removeAll { $0.isFinished }
        }
      }
      while completions.value < 10_000 { context.poll(blocking: true) }
      #expect(runs.value + cancelled.value == 10_000)
    }
  }
}
