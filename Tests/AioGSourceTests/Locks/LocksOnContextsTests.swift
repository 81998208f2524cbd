// The two locks between tasks of contexts, one run by the test's thread and one by a thread of its own.

import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct LocksOnContextsTests {
    private final class Guarded: @unchecked Sendable {
      var count = 0
      var order: [Int] = []
    }

    private func otherThread(_ combination: Combination) throws -> IOThread {
      let configuration = AioContext.Configuration(monitor: .demanded(combination.monitor))
      return try IOThread(name: "other", configuration: configuration)
    }

    @Test(arguments: Combination.all)
    func aHundredTasksOfOneContextGetTheMutexInTheirOrder(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let mutex = AsyncMutex()
      let guarded = Guarded()
      let ended = Counter()
      for index in 0..<100 {
        Task(executorPreference: loop.context.taskExecutor) { [context = loop.context] in
          await mutex.lock()
          #expect(context.isHomeThread)
          guarded.order.append(index)
          await Task.yield()
          mutex.unlock()
          ended.increment()
        }
      }
      #expect(loop.run { ended.value == 100 })
      #expect(guarded.order == Array(0..<100))
      #expect(!mutex.isLocked)
    }

    @Test(arguments: Combination.all)
    func aTaskThatWaitsGoesOnOnItsOwnContext(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let other = try otherThread(combination)
      let mutex = AsyncMutex()
      let isHeld = Flag()
      let isWanted = Flag()
      Task(executorPreference: other.context.taskExecutor) {
        await mutex.lock()
        isHeld.set()
        // Given up on the other thread, while this one waits.
        while mutex.waiting == 0 { await Task.yield() }
        #expect(other.context.isHomeThread && isWanted.isSet)
        mutex.unlock()
      }
      try loop.task { [context = loop.context] in
        while !isHeld.isSet { await Task.yield() }
        isWanted.set()
        await mutex.lock()
        #expect(context.isHomeThread)
        mutex.unlock()
      }
      other.stop()
    }

    @Test(arguments: Combination.all)
    func twoContextsCountTogether(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let other = try otherThread(combination)
      let mutex = AsyncMutex()
      let lock = AsyncReadWriteLock()
      let guarded = Guarded()
      let written = Guarded()
      let wanted = Counter()
      let ended = Counter()
      for index in 0..<20 {
        let context = index % 2 == 0 ? loop.context : other.context
        Task(executorPreference: context.taskExecutor) {
          for round in 0..<50 {
            await mutex.withLock { guarded.count += 1 }
            await lock.readLock()
            if (index + round) % 3 == 0 {
              await lock.upgrade()
              written.count += 1
              wanted.increment()
              lock.downgrade()
            }
            lock.readUnlock()
            #expect(context.isHomeThread)
          }
          loop.context.schedule { ended.increment() }
        }
      }
      #expect(loop.run { ended.value == 20 })
      other.stop()
      #expect(guarded.count == 20 * 50)
      #expect(written.count == wanted.value && wanted.value > 300)
      #expect(!mutex.isLocked && lock.readerCount == 0 && !lock.isWriteLocked)
    }

    @Test(arguments: Combination.all)
    func aTaskOfAContextThatIsCancelledWhileItWaitsEndsThere(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let other = try otherThread(combination)
      let mutex = AsyncMutex()
      let isCancelled = Flag()
      #expect(mutex.tryLock())
      let task = Task(executorPreference: loop.context.taskExecutor) { [context = loop.context] in
        do throws(Errno) {
          try await mutex.lockUnlessCancelled()
          Issue.record("it got a mutex that is held")
        } catch {
          #expect(error == .canceled)
          #expect(context.isHomeThread)
          isCancelled.set()
        }
      }
      Task(executorPreference: other.context.taskExecutor) {
        while mutex.waiting == 0 { await Task.yield() }
        task.cancel()
      }
      #expect(loop.run { isCancelled.isSet })
      other.stop()
      mutex.unlock()
      #expect(!mutex.isLocked)
    }

    @Test(arguments: Combination.all)
    func anActorOnAContextKeepsItsThread(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let other = try otherThread(combination)
      let mutex = AsyncMutex()
      let actor = Keeper(loop.context)
      let ended = Counter()
      for _ in 0..<10 {
        Task.detached {
          for _ in 0..<20 { await actor.keep(mutex) }
          loop.context.schedule { ended.increment() }
        }
        Task(executorPreference: other.context.taskExecutor) {
          for _ in 0..<20 { await mutex.withLock { await Task.yield() } }
          loop.context.schedule { ended.increment() }
        }
      }
      #expect(loop.run { ended.value == 20 })
      other.stop()
      #expect(!mutex.isLocked)
      #expect(try loop.task { await actor.kept } == 200)
    }

    private actor Keeper {
      private let context: AioContext
      private(set) var kept = 0

      nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }

      init(_ context: AioContext) { self.context = context }

      func keep(_ mutex: AsyncMutex) async {
        await mutex.withLock {
          let before = kept
          #expect(context.isHomeThread)
          kept = before + 1
        }
        #expect(context.isHomeThread)
      }
    }

    /// A wait that can be cancelled takes an actor's task nowhere that one which cannot does not.
    @Test(arguments: Combination.all)
    func waitingKeepsTheActorsThread(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      // Whether it would is a matter of moments.
      for _ in 0..<20 {
        let hops = Waiter.Way.allCases.map { way in
          let elsewhere = TestExecutor()
          elsewhere.startThread()
          let waiter = Waiter(context)
          let isOver = Flag()
          Task(executorPreference: elsewhere) {
            await waiter.wait(way)
            context.schedule { isOver.set() }
          }
          #expect(loop.run { waiter.waiting == 1 })
          waiter.release(way)
          #expect(loop.run { isOver.isSet })
          elsewhere.stopThread()
          return elsewhere.enqueued
        }
        #expect(Set(hops).count == 1, "\(hops)")
      }
    }
  }
}

private actor Waiter {
  enum Way: CaseIterable {
    case mutex, mutexUnlessCancelled, reader, readerUnlessCancelled
  }

  let context: AioContext
  let mutex = AsyncMutex()
  let readWriteLock = AsyncReadWriteLock()

  nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }

  /// Both are held.
  init(_ context: AioContext) {
    self.context = context
    _ = mutex.tryLock()
    _ = readWriteLock.tryWriteLock()
  }

  nonisolated var waiting: Int { mutex.waiting + readWriteLock.waiting }

  func wait(_ way: Way) async {
    switch way {
    case .mutex: await mutex.lock()
    case .mutexUnlessCancelled: try? await mutex.lockUnlessCancelled()
    case .reader: await readWriteLock.readLock()
    case .readerUnlessCancelled: try? await readWriteLock.readLockUnlessCancelled()
    }
    mutex.unlockIfLocked()
    if readWriteLock.readerCount > 0 { readWriteLock.readUnlock() }
  }

  nonisolated func release(_ way: Way) {
    switch way {
    case .mutex, .mutexUnlessCancelled:
      readWriteLock.writeUnlock()
      mutex.unlock()
    case .reader, .readerUnlessCancelled:
      mutex.unlock()
      readWriteLock.writeUnlock()
    }
  }
}

extension AsyncMutex {
  fileprivate func unlockIfLocked() { if isLocked { unlock() } }
}
