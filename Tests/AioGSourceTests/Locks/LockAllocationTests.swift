// Architecture's bars: locks that are taken over and over allocate nothing.

import CTestSupport
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct LockAllocationTests {
    private let mutex = AsyncMutex()
    private let readWriteLock = AsyncReadWriteLock()
    private let pause = Pause()

    /// Allocations of about a thousand rounds of each of so many tasks, once they have run about a hundred. The tasks
    /// run on this thread; a round that pauses lets the others run.
    private func allocations(
      tasks: Int, _ round: @escaping @Sendable (_ task: Int) async -> Void
    ) -> Int {
      let executor = TestExecutor()
      let count = Box(-1)
      let ended = Counter()
      for task in 0..<tasks {
        executor.start {
          for done in 0..<1_200 {
            if task == 0 && done == 100 { aiogs_test_count_allocations() }
            if task == 0 && done == 1_100 { count.value = aiogs_test_stop_counting() }
            await round(task)
          }
          ended.increment()
        }
      }
      repeat { executor.run() } while pause.end()
      #expect(ended.value == tasks)
      return count.value
    }

    private func expectNone(_ count: Int) {
      if aiogs_test_can_count_allocations() { #expect(count == 0) }
    }

    @Test func theCounterCounts() {
      guard aiogs_test_can_count_allocations() else { return }
      let kept = Box(Counter())
      #expect(allocations(tasks: 1) { _ in kept.value = Counter() } >= 1_000)
    }

    @Test func aFreeMutex() {
      let mutex = mutex
      expectNone(
        allocations(tasks: 1) { _ in
          await mutex.lock()
          mutex.unlock()
          try? await mutex.lockUnlessCancelled()
          mutex.unlock()
          await mutex.withLock {}
        })
    }

    @Test func aMutexThatOthersWaitFor() {
      let (mutex, pause) = (mutex, pause)
      let waited = Counter()
      expectNone(
        allocations(tasks: 10) { _ in
          if mutex.isLocked { waited.increment() }
          await mutex.lock()
          await pause()
          mutex.unlock()
        })
      #expect(waited.value > 1_000)
    }

    @Test func aMutexThatOthersWaitForUnlessTheyAreCancelled() {
      let (mutex, pause) = (mutex, pause)
      let waited = Counter()
      expectNone(
        allocations(tasks: 10) { _ in
          if mutex.isLocked { waited.increment() }
          try? await mutex.lockUnlessCancelled()
          await pause()
          mutex.unlock()
        })
      #expect(waited.value > 1_000)
    }

    @Test func aFreeReadWriteLock() {
      let lock = readWriteLock
      expectNone(
        allocations(tasks: 1) { _ in
          await lock.readLock()
          await lock.upgrade()
          lock.downgrade()
          lock.readUnlock()
          await lock.withWriteLock {}
        })
    }

    @Test func aReadWriteLockThatOthersWaitFor() {
      let (lock, pause) = (readWriteLock, pause)
      let waited = Counter()
      expectNone(
        allocations(tasks: 10) { task in
          if task % 3 == 0 {
            await lock.writeLock()
            await pause()
            lock.writeUnlock()
          } else {
            await lock.readLock()
            if await lock.upgrade() { waited.increment() }
            await pause()
            lock.writeUnlock()
          }
        })
      #expect(waited.value > 1_000)
    }
  }
}

/// Where one task suspends until the others have nothing left to do. Task.yield would allocate.
private final class Pause: @unchecked Sendable {
  private var paused: UnsafeContinuation<Void, Never>?

  func callAsFunction() async {
    await withUnsafeContinuation { continuation in
      precondition(paused == nil, "two tasks hold what one may hold")
      paused = continuation
    }
  }

  /// False if there is none.
  func end() -> Bool {
    guard let continuation = paused.take() else { return false }
    continuation.resume()
    return true
  }
}
