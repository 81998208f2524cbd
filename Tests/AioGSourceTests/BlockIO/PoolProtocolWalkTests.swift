// Contract 19: random walks over the pool's decisions with simulated workers: no job is lost, none waits while all
// sleep, and there are never more workers than there may be.

import SeededRandom
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct PoolProtocolWalkTests {
    @Test(arguments: 0..<200)
    func whateverHappensNoJobIsLostAndNobodyStalls(_ seed: Int) {
      var world = World(seed: UInt64(seed))
      for _ in 0..<1_000 {
        world.step()
        if let broken = world.broken {
          Issue.record("seed \(seed): \(broken); \(world.pool)")
          return
        }
      }
      world.finish()
      #expect(world.broken == nil)
      #expect(world.carriedOut + world.takenBack == world.submitted)
      #expect(world.pool.workers == 0 && world.pool.idle == 0)
      #expect(world.submitted > 0)
    }
  }
}

/// A pool's workers and its users, one random step at a time, as threads might interleave.
private struct World {
  enum Worker: Equatable {
    case created
    /// Runs, and is about to ask what to do.
    case looking
    case working
    case asleep(isBrief: Bool)
    /// Woken, or its time is over; has not got the lock yet.
    case waking(isOver: Bool)
  }

  var pool = PoolProtocol()
  var random: SeededGenerator
  var workers: [Worker] = []
  var submitted = 0
  var takenBack = 0
  var carriedOut = 0
  private(set) var broken: String?

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &random) < percent
  }

  mutating func step() {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<20:
      let count = Int.random(in: 1...3, using: &random)
      submitted += count
      perform(pool.enqueued(count))
    case 20..<23 where pool.queued > 0:
      takenBack += 1
      pool.withdrawn()
    case 23..<25:
      let minimum = Int.random(in: 0...4, using: &random)
      let maximum = Int.random(in: max(minimum, 1)...6, using: &random)
      perform(pool.setLimits(minimum: minimum, maximum: maximum))
    default: stepWorker()
    }
    check()
  }

  private mutating func stepWorker() {
    guard !workers.isEmpty else { return }
    let index = Int.random(in: 0..<workers.count, using: &random)
    switch workers[index] {
    case .created:
      if chance(5) && !pool.isStopping {
        workers.remove(at: index)
        pool.startFailed()
        // Not before this is over does anybody else come to the queue.
        while pool.workers == 0 && pool.takeWithoutWorker() { carriedOut += 1 }
      } else {
        workers[index] = .looking
        start(pool.workerStarted())
      }
    case .looking: look(index, isOver: false)
    case .working:
      carriedOut += 1
      look(index, isOver: false)
    case .asleep(let isBrief):
      // For no reason, as condition variables do, or because the time is over.
      if isBrief && chance(10) {
        workers[index] = .waking(isOver: true)
      } else if chance(3) {
        workers[index] = .waking(isOver: false)
      }
    case .waking(let isOver):
      pool.wokeUp()
      look(index, isOver: isOver)
    }
  }

  private mutating func look(_ index: Int, isOver: Bool) {
    switch pool.nextTurn(idleTimeIsOver: isOver) {
    case .work: workers[index] = .working
    case .sleep: workers[index] = .asleep(isBrief: false)
    case .sleepBriefly: workers[index] = .asleep(isBrief: true)
    case .exit: workers.remove(at: index)
    }
  }

  private mutating func start(_ isWanted: Bool) {
    guard isWanted else { return }
    workers.append(.created)
    if pool.workers > pool.maximum { broken = "more workers were started than there may be" }
  }

  private mutating func perform(_ actions: PoolProtocol.Actions) {
    // A signal reaches one sleeper, a broadcast all; with nobody asleep either is lost.
    let sleepers = workers.indices.filter { isAsleep(workers[$0]) }.shuffled(using: &random)
    for index in actions.wake > 1 ? sleepers[...] : sleepers.prefix(actions.wake) {
      workers[index] = .waking(isOver: false)
    }
    start(actions.start)
  }

  private func isAsleep(_ worker: Worker) -> Bool {
    if case .asleep = worker { return true }
    return false
  }

  private mutating func check() {
    let asleep = workers.filter(isAsleep).count
    let waking = workers.filter { $0 == .waking(isOver: true) || $0 == .waking(isOver: false) }
      .count
    if pool.workers != workers.count { broken = "workers are miscounted" }
    if pool.starting != workers.filter({ $0 == .created }).count {
      broken = "starts are miscounted"
    }
    if pool.starting > 1 { broken = "two workers are being started" }
    if pool.idle != asleep + waking { broken = "idle workers are miscounted" }
    if pool.waking > waking { broken = "one is taken for awake that sleeps" }
    if pool.queued < 0 || pool.waking < 0 { broken = "a count is negative" }
    if pool.queued > 0 && asleep == workers.count { broken = "jobs wait while all workers sleep" }
    let working = workers.filter { $0 == .working }.count
    if submitted != takenBack + carriedOut + pool.queued + working { broken = "a job is lost" }
  }

  /// Stops the pool, and lets the workers come to their end.
  mutating func finish() {
    perform(pool.stop())
    for _ in 0..<100_000 where !workers.isEmpty && broken == nil {
      stepWorker()
      check()
    }
  }
}
