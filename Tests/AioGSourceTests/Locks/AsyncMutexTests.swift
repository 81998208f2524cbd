// Contract 17.7: the mutex, one step at a time. The tasks run on an executor that the test runs by hand, so every order
// is the one that the test says.

import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct AsyncMutexTests {
    private let executor = TestExecutor()
    private let mutex = AsyncMutex(name: "tested")
    private let log = Log()

    /// A task that logs how it gets the mutex, and gives it up.
    @discardableResult
    private func start(_ name: String, holding: Flag? = nil) -> Task<Void, any Error> {
      executor.start { [mutex, log] in
        await mutex.lock()
        log.add(name)
        if holding?.isSet != true { mutex.unlock() }
      }
    }

    /// A task that can be cancelled; it keeps the mutex.
    private func startUnlessCancelled(_ name: String) -> Task<Void, any Error> {
      executor.start { [mutex, log] in
        do throws(Errno) {
          try await mutex.lockUnlessCancelled()
          log.add(name)
        } catch {
          log.add("\(name): \(error == .canceled ? "cancelled" : "\(error)")")
        }
      }
    }

    // MARK: Getting it

    @Test func oneAtATimeHasIt() {
      #expect(!mutex.isLocked)
      #expect(mutex.tryLock())
      #expect(mutex.isLocked)
      #expect(!mutex.tryLock())
      mutex.unlock()
      #expect(!mutex.isLocked)
      #expect(mutex.tryLock())
      mutex.unlock()
    }

    @Test func aHundredWaitersGetItInTheOrderInWhichTheyCame() {
      #expect(mutex.tryLock())
      for index in 0..<100 { start("\(index)") }
      executor.run()
      #expect(mutex.waiting == 100)
      #expect(log.value == [])
      mutex.unlock()
      executor.run()
      #expect(log.value == (0..<100).map(String.init))
      #expect(!mutex.isLocked)
    }

    @Test func aHandOverResumesOneAndNoMore() {
      let holding = Flag()
      holding.set()
      #expect(mutex.tryLock())
      for index in 0..<3 { start("\(index)", holding: holding) }
      executor.run()
      for index in 0..<3 {
        mutex.unlock()
        executor.run()
        #expect(log.value.last == "\(index)")
        #expect(log.value.count == index + 1)
        #expect(mutex.isLocked)
      }
      mutex.unlock()
      #expect(!mutex.isLocked)
    }

    @Test func nobodyComesBetweenTheUnlockAndTheWaitersResumption() {
      #expect(mutex.tryLock())
      start("waiter")
      executor.run()
      mutex.unlock()
      // It is the waiter's, who has not run yet.
      #expect(mutex.isLocked)
      #expect(!mutex.tryLock())
      start("newcomer")
      executor.run()
      #expect(log.value == ["waiter", "newcomer"])
      #expect(!mutex.isLocked)
    }

    @Test func theHolderThatAsksAgainComesAfterThoseWhoWaited() {
      executor.start { [mutex, log] in
        await mutex.lock()
        start("other")
        // It comes, and waits.
        await Task.yield()
        #expect(mutex.waiting == 1)
        mutex.unlock()
        await mutex.lock()
        log.add("again")
        mutex.unlock()
      }
      executor.run()
      #expect(log.value == ["other", "again"])
    }

    @Test func aMutexThatIsFreeIsLockedWithoutSuspending() {
      executor.start { [mutex] in
        for _ in 0..<1_000 {
          await mutex.lock()
          mutex.unlock()
          try await mutex.lockUnlessCancelled()
          mutex.unlock()
          await mutex.withLock {}
        }
      }
      executor.run()
      #expect(executor.enqueued == 1)
    }

    @Test func itIsHeldAcrossASuspension() {
      let inside = Counter()
      let most = Box(0)
      for _ in 0..<10 {
        executor.start { [mutex] in
          await mutex.withLock {
            let count = inside.increment()
            most.update { $0 = max($0, count) }
            await Task.yield()
            inside.reset()
          }
        }
      }
      executor.run()
      #expect(most.value == 1)
      #expect(!mutex.isLocked)
    }

    @Test func withLockReturnsWhatItsBodyReturnsAndThrowsWhatThatThrows() async {
      #expect(await mutex.withLock { 7 } == 7)
      #expect(!mutex.isLocked)
      do throws(Errno) {
        try await mutex.withLock { () async throws(Errno) in
          #expect(mutex.isLocked)
          throw .noSpace
        }
        Issue.record("nothing was thrown")
      } catch {
        #expect(error == .noSpace)
      }
      #expect(!mutex.isLocked)
    }

    @Test func anExecutorMayRunTheWaiterInsideOfTheUnlock() {
      let immediate = ImmediateExecutor()
      #expect(mutex.tryLock())
      for index in 0..<10 {
        Task(executorPreference: immediate) { [mutex, log] in
          await mutex.lock()
          log.add("\(index)")
          mutex.unlock()
        }
      }
      let cancelled = Task(executorPreference: immediate) { [mutex, log] in
        do throws(Errno) {
          try await mutex.lockUnlessCancelled()
        } catch {
          log.add("cancelled, \(mutex.waiting) wait")
        }
      }
      cancelled.cancel()
      mutex.unlock()
      #expect(log.value == ["cancelled, 10 wait"] + (0..<10).map(String.init))
      #expect(!mutex.isLocked)
    }

    // MARK: Cancellation

    @Test func aCancellationMakesNoDifferenceToLock() {
      #expect(mutex.tryLock())
      let waiter = start("waiter")
      executor.run()
      waiter.cancel()
      executor.run()
      #expect(log.value == [])
      #expect(mutex.waiting == 1)
      mutex.unlock()
      executor.run()
      #expect(log.value == ["waiter"])
    }

    @Test func aTaskCancelledBeforeItAsksDoesNotGetEvenAFreeMutex() {
      let task = startUnlessCancelled("task")
      task.cancel()
      executor.run()
      #expect(log.value == ["task: cancelled"])
      #expect(!mutex.isLocked)
    }

    @Test func aWaiterThatIsCancelledLeavesTheQueue() {
      #expect(mutex.tryLock())
      let waiters = (0..<3).map { startUnlessCancelled("\($0)") }
      executor.run()
      waiters[1].cancel()
      #expect(mutex.waiting == 2)
      executor.run()
      #expect(log.value == ["1: cancelled"])
      mutex.unlock()
      executor.run()
      mutex.unlock()
      executor.run()
      #expect(log.value == ["1: cancelled", "0", "2"])
      mutex.unlock()
      #expect(!mutex.isLocked)
    }

    @Test func afterTheLastWaiterIsCancelledTheMutexIsFreedByItsUnlock() {
      #expect(mutex.tryLock())
      let waiter = startUnlessCancelled("waiter")
      executor.run()
      waiter.cancel()
      executor.run()
      mutex.unlock()
      #expect(!mutex.isLocked)
      #expect(mutex.tryLock())
      mutex.unlock()
    }

    @Test func aWaiterCancelledAfterTheHandOverHasTheMutex() {
      #expect(mutex.tryLock())
      let waiter = startUnlessCancelled("waiter")
      executor.run()
      mutex.unlock()
      waiter.cancel()
      executor.run()
      #expect(log.value == ["waiter"])
      #expect(mutex.isLocked)
      mutex.unlock()
    }

    @Test func aWaiterCancelledBeforeTheHandOverDoesNotGetIt() {
      #expect(mutex.tryLock())
      let waiter = startUnlessCancelled("waiter")
      start("next")
      executor.run()
      waiter.cancel()
      mutex.unlock()
      executor.run()
      #expect(log.value == ["waiter: cancelled", "next"])
      #expect(!mutex.isLocked)
    }

    // MARK: Isolation

    @Test func anActorThatLocksAFreeMutexIsNotLeft() {
      let actor = Account()
      let ended = Flag()
      // Without a preference: with one, each call of a closure leaves an actor that has an executor of its own.
      Task.detached { [mutex] in
        await actor.changeThreeThousandTimes(mutex)
        ended.set()
      }
      while !ended.isSet { actor.executor.run() }
      #expect(actor.executor.enqueued == 1)
    }

    @Test func aWaiterComesBackToItsActor() {
      let actor = Account()
      #expect(mutex.tryLock())
      executor.start { [mutex, log] in
        await actor.change(mutex)
        log.add("changed")
      }
      executor.run()
      actor.executor.run()
      #expect(mutex.waiting == 1)
      mutex.unlock()
      for _ in 0..<4 {
        actor.executor.run()
        executor.run()
      }
      #expect(log.value == ["changed"])
    }

    private actor Account {
      nonisolated let executor = TestSerialExecutor()
      private var balance = 0

      nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

      func change(_ mutex: AsyncMutex) async {
        await mutex.withLock { balance += 1 }
        #expect(balance == 1)
      }

      func changeThreeThousandTimes(_ mutex: AsyncMutex) async {
        for _ in 0..<1_000 {
          await mutex.withLock { balance += 1 }
          await mutex.lock()
          balance += 1
          mutex.unlock()
          try? await mutex.lockUnlessCancelled()
          balance += 1
          mutex.unlock()
        }
        #expect(balance == 3_000)
      }
    }

    // MARK: Misuse

    @Test func unlockingAFreeMutexTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let mutex = AsyncMutex(name: "cache")
        mutex.unlock()
      }
      expectSentence("AsyncMutex 'cache' was unlocked while nobody holds it", in: result)
    }

    @Test func unlockingItTwiceTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let mutex = AsyncMutex(name: "cache")
        await mutex.withLock { mutex.unlock() }
      }
      expectSentence("AsyncMutex 'cache' was unlocked while nobody holds it", in: result)
    }

    @Test func destroyingALockedOneTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        _ = AsyncMutex(name: "cache").tryLock()
      }
      expectSentence("AsyncMutex 'cache' was destroyed while it is locked", in: result)
    }
  }
}
