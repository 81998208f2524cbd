// The two locks between four threads, each with an executor of its own.

import Glibc
import SeededRandom
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct LockStressTests {
    /// What the lock guards: no atomics, so that the thread sanitizer sees whether the lock orders its users.
    private final class Guarded: @unchecked Sendable {
      var count = 0
      var mirror = 0
      var order: [Int] = []

      @discardableResult
      func change() -> Int {
        count += 1
        mirror += 1
        return count
      }

      @discardableResult
      func check() -> Int {
        #expect(count == mirror)
        return count
      }
    }

    @Test func fourThreadsCountTogether() async throws {
      let mutex = AsyncMutex()
      let guarded = Guarded()
      try await TestExecutor.withThreads(4) { executors in
        let tasks = (0..<40).map { index in
          executors[index % 4].start {
            for round in 0..<500 {
              switch (index + round) % 3 {
              case 0:
                await mutex.lock()
                guarded.count += 1
                mutex.unlock()
              case 1:
                await mutex.withLock {
                  let count = guarded.count
                  if round % 16 == 0 { await Task.yield() }
                  guarded.count = count + 1
                }
              default:
                try await mutex.lockUnlessCancelled()
                guarded.count += 1
                mutex.unlock()
              }
            }
          }
        }
        for task in tasks { try await task.value }
      }
      #expect(guarded.count == 40 * 500)
      #expect(!mutex.isLocked)
    }

    @Test func threadsThatOnlyTryCountTogether() async throws {
      let mutex = AsyncMutex()
      let guarded = Guarded()
      let threads = (0..<4).map { _ in
        TestThread {
          var done = 0
          while done < 5_000 {
            guard mutex.tryLock() else {
              sched_yield()
              continue
            }
            guarded.count += 1
            mutex.unlock()
            done += 1
          }
        }
      }
      for thread in threads { thread.join() }
      #expect(guarded.count == 4 * 5_000)
    }

    @Test func theMutexPassesFromThreadToThreadInTheOrderOfItsQueue() async throws {
      let mutex = AsyncMutex()
      let guarded = Guarded()
      try await TestExecutor.withThreads(4) { executors in
        for _ in 0..<20 {
          #expect(mutex.tryLock())
          guarded.order = []
          var tasks: [Task<Void, any Error>] = []
          for index in 0..<20 {
            tasks.append(
              executors[index % 4].start {
                await mutex.withLock { guarded.order.append(index) }
              })
            while mutex.waiting <= index { sched_yield() }
          }
          mutex.unlock()
          for task in tasks { try await task.value }
          #expect(guarded.order == Array(0..<20))
        }
      }
    }

    @Test func ofTenThousandCancellationsNoneLosesTheMutex() async throws {
      let mutex = AsyncMutex()
      let guarded = Guarded()
      let got = Counter()
      let cancelled = Counter()
      try await TestExecutor.withThreads(4) { executors in
        var random = SeededGenerator(seed: 7)
        for round in 0..<1_000 {
          let tasks = (0..<12).map { index in
            executors[(index + round) % 4].start {
              do throws(Errno) {
                try await mutex.lockUnlessCancelled()
                guarded.count += 1
                got.increment()
                mutex.unlock()
              } catch {
                if error == .canceled { cancelled.increment() }
              }
            }
          }
          // Some before they ask, some while they wait, some when they have it.
          for index in (0..<12).shuffled(using: &random).prefix(10) {
            for _ in 0..<Int.random(in: 0..<3, using: &random) { sched_yield() }
            tasks[index].cancel()
          }
          for task in tasks { try await task.value }
        }
      }
      #expect(got.value + cancelled.value == 12_000)
      #expect(guarded.count == got.value)
      #expect(got.value >= 2_000)
      #expect(cancelled.value > 0)
      #expect(!mutex.isLocked)
      #expect(mutex.waiting == 0)
    }

    @Test func aCancellationThatMeetsTheHandOverIsOneOfTheTwo() async throws {
      let mutex = AsyncMutex()
      let got = Counter()
      let cancelled = Counter()
      try await TestExecutor.withThreads(2) { executors in
        var random = SeededGenerator(seed: 8)
        for round in 0..<5_000 {
          #expect(mutex.tryLock())
          let task = executors[0].start {
            do throws(Errno) {
              try await mutex.lockUnlessCancelled()
              got.increment()
              mutex.unlock()
            } catch {
              cancelled.increment()
            }
          }
          // Every other time it is on its way to the queue, else in it.
          while round % 2 == 0 && mutex.waiting == 0 { sched_yield() }
          // On a processor that is shared the one may always be first: so now and then it is made to be, and the other.
          if round % 8 == 0 { mutex.unlock() }
          if round % 8 == 2 { task.cancel() }
          let isThere = Flag()
          let delays = (0..<2).map { _ in Int.random(in: 0..<100, using: &random) }
          let canceller = executors[1].start {
            isThere.set()
            for _ in 0..<delays[0] { _ = mutex.isLocked }
            task.cancel()
          }
          while !isThere.isSet { sched_yield() }
          for _ in 0..<delays[1] { _ = mutex.isLocked }
          if round % 8 != 0 { mutex.unlock() }
          try await canceller.value
          try await task.value
          // Free again, whoever won.
          #expect(!mutex.isLocked)
        }
      }
      #expect(got.value + cancelled.value == 5_000)
      #expect(got.value >= 625 && cancelled.value >= 625)
    }

    @Test func readersAndWritersOnFourThreadsDoNotMeet() async throws {
      let lock = AsyncReadWriteLock()
      let guarded = Guarded()
      let upgradedAtOnce = Counter()
      let written = Counter()
      try await TestExecutor.withThreads(4) { executors in
        let tasks = (0..<40).map { index in
          executors[index % 4].start {
            for round in 0..<300 {
              switch (index + round) % 5 {
              case 0:
                await lock.writeLock()
                guarded.change()
                written.increment()
                if round % 8 == 0 { await Task.yield() }
                lock.writeUnlock()
              case 1:
                try await lock.readLockUnlessCancelled()
                guarded.check()
                if round % 8 == 0 { await Task.yield() }
                lock.readUnlock()
              case 2:
                await lock.withReadLock {
                  let before = guarded.check()
                  let hadToWait = await lock.upgrade()
                  if !hadToWait {
                    #expect(guarded.check() == before)
                    upgradedAtOnce.increment()
                  }
                  guarded.change()
                  written.increment()
                }
              case 3:
                await lock.withWriteLock {
                  let count = guarded.change()
                  written.increment()
                  lock.downgrade()
                  if round % 8 == 0 { await Task.yield() }
                  #expect(guarded.check() == count)
                }
              default:
                await lock.withReadLock { _ = guarded.check() }
              }
            }
          }
        }
        for task in tasks { try await task.value }
      }
      #expect(guarded.check() == written.value)
      #expect(lock.readerCount == 0 && !lock.isWriteLocked && lock.waiting == 0)
    }

    @Test func ofTenThousandCancellationsNoneLosesTheReadWriteLock() async throws {
      let lock = AsyncReadWriteLock()
      let guarded = Guarded()
      let ended = Counter()
      let cancelled = Counter()
      let written = Counter()
      try await TestExecutor.withThreads(4) { executors in
        var random = SeededGenerator(seed: 9)
        for round in 0..<1_000 {
          let tasks = (0..<12).map { index in
            executors[(index + round) % 4].start {
              do throws(Errno) {
                switch index % 3 {
                case 0:
                  try await lock.readLockUnlessCancelled()
                  guarded.check()
                  lock.readUnlock()
                case 1:
                  try await lock.writeLockUnlessCancelled()
                  guarded.change()
                  written.increment()
                  lock.writeUnlock()
                default:
                  try await lock.readLockUnlessCancelled()
                  guarded.check()
                  try await lock.upgradeUnlessCancelled()
                  guarded.change()
                  written.increment()
                  lock.writeUnlock()
                }
              } catch {
                if error == .canceled { cancelled.increment() }
              }
              ended.increment()
            }
          }
          for index in (0..<12).shuffled(using: &random).prefix(10) {
            for _ in 0..<Int.random(in: 0..<3, using: &random) { sched_yield() }
            tasks[index].cancel()
          }
          for task in tasks { try await task.value }
        }
      }
      #expect(ended.value == 12_000)
      #expect(cancelled.value > 0)
      #expect(guarded.check() == written.value)
      #expect(lock.readerCount == 0 && !lock.isWriteLocked && lock.waiting == 0)
    }
  }
}
