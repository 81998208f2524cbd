// Contract 19.2, 19.3, 19.7: when workers are started, woken and let go, step by step, without threads.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct PoolProtocolTests {
    private typealias Actions = PoolProtocol.Actions

    /// A pool whose workers sleep, so many of them.
    private func pool(idle: Int, minimum: Int = 0, maximum: Int = 64) -> PoolProtocol {
      var pool = PoolProtocol(minimum: minimum, maximum: maximum)
      for _ in 0..<idle {
        _ = pool.enqueued(1)
        _ = pool.workerStarted()
        #expect(pool.nextTurn() == .work)
      }
      for _ in 0..<idle {
        let turn = pool.nextTurn()
        #expect(turn == .sleep || turn == .sleepBriefly)
      }
      return pool
    }

    @Test func theFirstJobStartsTheFirstWorker() {
      var pool = PoolProtocol()
      #expect(pool.enqueued(1) == Actions(start: true, wake: 0))
      #expect(pool.workers == 1)
      #expect(pool.workerStarted() == false)
      #expect(pool.nextTurn() == .work)
      #expect(pool.queued == 0)
    }

    @Test func aBurstCostsTheSubmitterOneCreationAndWorkersStartEachOther() {
      var pool = PoolProtocol()
      #expect(pool.enqueued(100).start)
      #expect(pool.enqueued(100) == Actions(start: false, wake: 0))
      var started = 1
      while pool.workerStarted() { started += 1 }
      #expect(started == 64)
      #expect(pool.workers == 64)
      for _ in 0..<64 { #expect(pool.nextTurn() == .work) }
      #expect(pool.queued == 136)
      #expect(!pool.enqueued(1).start)
    }

    @Test func oneIdleWorkerDoesNotHoldUpTwoJobs() {
      var pool = pool(idle: 1)
      #expect(pool.enqueued(1) == Actions(start: false, wake: 1))
      #expect(pool.enqueued(1) == Actions(start: true, wake: 0))
    }

    @Test func enoughIdleWorkersAreWokenAndNoneIsStarted() {
      var pool = pool(idle: 3)
      #expect(pool.enqueued(2) == Actions(start: false, wake: 2))
      #expect(pool.enqueued(1) == Actions(start: false, wake: 1))
      #expect(pool.enqueued(2) == Actions(start: true, wake: 0))
    }

    @Test func aWorkerThatIsDoneTakesTheNextJobWithoutBeingWoken() {
      var pool = PoolProtocol(maximum: 1)
      _ = pool.enqueued(3)
      _ = pool.workerStarted()
      for _ in 0..<3 { #expect(pool.nextTurn() == .work) }
      #expect(pool.nextTurn() == .sleepBriefly)
    }

    @Test func anIdleWorkerGoesWhenItsTimeIsOver() {
      var pool = pool(idle: 1)
      pool.wokeUp()
      #expect(pool.nextTurn(idleTimeIsOver: true) == .exit)
      #expect(pool.workers == 0)
      #expect(pool.enqueued(1).start)
    }

    @Test func aJobThatCameAtTheLastMomentKeepsIt() {
      var pool = pool(idle: 1)
      #expect(!pool.enqueued(1).start)
      pool.wokeUp()
      #expect(pool.nextTurn(idleTimeIsOver: true) == .work)
    }

    @Test func theMinimumStays() {
      var pool = pool(idle: 3, minimum: 2)
      pool.wokeUp()
      #expect(pool.nextTurn(idleTimeIsOver: true) == .exit)
      pool.wokeUp()
      #expect(pool.nextTurn(idleTimeIsOver: true) == .sleep)
      #expect(pool.workers == 2)
    }

    @Test func aRaisedMinimumIsStartedAtOnce() {
      var pool = PoolProtocol()
      #expect(pool.setLimits(minimum: 3, maximum: 8).start)
      #expect(pool.workerStarted() == true)
      #expect(pool.workerStarted() == true)
      #expect(pool.workerStarted() == false)
      #expect(pool.workers == 3)
    }

    @Test func aLoweredMaximumWakesAllAndSendsThoseAboveItAway() {
      var pool = pool(idle: 4)
      #expect(pool.setLimits(minimum: 0, maximum: 1) == Actions(start: false, wake: 4))
      for _ in 0..<3 {
        pool.wokeUp()
        #expect(pool.nextTurn() == .exit)
      }
      pool.wokeUp()
      #expect(pool.nextTurn() == .sleepBriefly)
      #expect(pool.workers == 1)
      #expect(pool.idle == 1)
    }

    @Test func aBusyWorkerAboveTheMaximumGoesThoughThereIsWork() {
      var pool = PoolProtocol()
      _ = pool.enqueued(3)
      _ = pool.workerStarted()
      _ = pool.workerStarted()
      _ = pool.nextTurn()
      _ = pool.nextTurn()
      _ = pool.setLimits(minimum: 0, maximum: 1)
      _ = pool.workerStarted()
      #expect(pool.nextTurn() == .exit)
      #expect(pool.nextTurn() == .exit)
      #expect(pool.nextTurn() == .work)
    }

    @Test func aRaisedMaximumIsUsedForWhatIsQueued() {
      var pool = PoolProtocol(maximum: 1)
      _ = pool.enqueued(3)
      #expect(pool.workerStarted() == false)
      #expect(pool.nextTurn() == .work)
      #expect(pool.setLimits(minimum: 0, maximum: 2).start)
    }

    @Test func aJobTakenBackIsNobodysAnyMore() {
      var pool = pool(idle: 1)
      _ = pool.enqueued(1)
      pool.withdrawn()
      pool.wokeUp()
      #expect(pool.nextTurn() == .sleepBriefly)
      #expect(pool.idle == 1)
      #expect(pool.waking == 0)
    }

    @Test func withoutThreadsTheCallerTakesTheJobs() {
      var pool = PoolProtocol()
      #expect(pool.enqueued(2).start)
      pool.startFailed()
      #expect(pool.workers == 0)
      #expect(pool.takeWithoutWorker() == true)
      #expect(pool.takeWithoutWorker() == true)
      #expect(pool.takeWithoutWorker() == false)
      // And it is tried again with the next.
      #expect(pool.enqueued(1).start)
    }

    @Test func stoppingWakesAllAndLeavesNoJobBehind() {
      var pool = pool(idle: 2)
      #expect(pool.enqueued(1) == Actions(start: false, wake: 1))
      #expect(pool.stop() == Actions(start: false, wake: 2))
      pool.wokeUp()
      #expect(pool.nextTurn() == .work)
      pool.wokeUp()
      #expect(pool.nextTurn() == .exit)
      #expect(pool.nextTurn() == .exit)
      #expect(pool.workers == 0)
      #expect(pool.idle == 0)
    }

    @Test func aStoppingPoolStartsNobody() {
      var pool = PoolProtocol()
      #expect(pool.enqueued(5).start)
      _ = pool.stop()
      #expect(pool.workerStarted() == false)
      for _ in 0..<5 { #expect(pool.nextTurn() == .work) }
      #expect(pool.nextTurn() == .exit)
    }
  }
}
