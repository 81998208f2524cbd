// The states of AsyncMutex and AsyncReadWriteLock, compared with the model: in every state that three and four actors
// can bring about, whatever one of them does next; in every sequence of operations up to a length; and in long random
// walks.

import SeededRandom
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct LockStateTests {
    @Test func theMutexDoesInEveryStateWhatTheModelDoes() {
      let states = exploreStates(Comparison(MutexUnderTest.self, actors: 4), accesses: [.write])
      #expect(states > 500)
    }

    @Test func theReadWriteLockDoesInEveryStateWhatTheModelDoes() {
      let comparison = Comparison(ReadWriteLockUnderTest.self, actors: 4)
      let states = exploreStates(comparison, accesses: LockAccess.allCases)
      #expect(states > 5_000)
    }

    @Test func theMutexDoesTheSameAsTheModelInEverySequence() {
      var sequences = 0
      let comparison = Comparison(MutexUnderTest.self, actors: 3)
      exploreSequences(comparison, accesses: [.write], length: 7, &sequences)
      #expect(sequences > 100_000)
    }

    @Test func theReadWriteLockDoesTheSameAsTheModelInEverySequence() {
      var sequences = 0
      let comparison = Comparison(ReadWriteLockUnderTest.self, actors: 3)
      exploreSequences(comparison, accesses: LockAccess.allCases, length: 5, &sequences)
      #expect(sequences > 80_000)
    }

    @Test(arguments: 0..<25)
    func randomWalksOfEightActorsFindNoDifference(_ seed: UInt64) {
      walk(Comparison(MutexUnderTest.self, actors: 8), accesses: [.write], seed: seed)
      walk(
        Comparison(ReadWriteLockUnderTest.self, actors: 8), accesses: LockAccess.allCases,
        seed: seed)
    }

    /// From each state once; how many there are.
    private func exploreStates<Tested>(
      _ start: Comparison<Tested>, accesses: [LockAccess]
    ) -> Int {
      var known: Set<ReferenceLock> = [start.reference]
      var toVisit = [start]
      while let current = toVisit.popLast() {
        for (actor, operation) in current.operations(accesses) {
          var next = current
          guard next.apply(operation, by: actor) else { return known.count }
          if known.insert(next.reference).inserted { toVisit.append(next) }
        }
      }
      return known.count
    }

    private func exploreSequences<Tested>(
      _ current: Comparison<Tested>, accesses: [LockAccess], length: Int, _ sequences: inout Int
    ) {
      if length == 0 || !current.isSame {
        sequences += 1
        return
      }
      for (actor, operation) in current.operations(accesses) {
        var next = current
        next.apply(operation, by: actor)
        exploreSequences(next, accesses: accesses, length: length - 1, &sequences)
      }
    }

    private func walk<Tested>(
      _ start: Comparison<Tested>, accesses: [LockAccess], seed: UInt64
    ) {
      var random = SeededGenerator(seed: seed)
      var current = start
      for _ in 0..<1_000 {
        let (actor, operation) = current.operations(accesses).randomElement(using: &random)!
        guard current.apply(operation, by: actor) else { return }
      }
    }
  }
}

/// One of the locks, in the hands of numbered actors.
private protocol LockUnderTest {
  init(actors: Int)
  mutating func apply(_ operation: LockOperation, by actor: Int) -> LockOutcome
  func hasTicket(_ actor: Int) -> Bool
  /// What of it can be seen from outside.
  var held: [LockAccess] { get }
  var waiting: Int { get }
}

/// One of the locks and the model, side by side.
private struct Comparison<Tested: LockUnderTest> {
  private(set) var reference: ReferenceLock
  private var tested: Tested
  private(set) var isSame = true
  private var history: [String] = []

  init(_: Tested.Type, actors: Int) {
    reference = ReferenceLock(actors: actors)
    tested = Tested(actors: actors)
  }

  /// A cancellation may come at any time, also when its ticket is used up.
  func operations(_ accesses: [LockAccess]) -> [(Int, LockOperation)] {
    reference.standings.indices.flatMap { actor in
      var operations = reference.operations(of: actor, accesses: accesses)
      if tested.hasTicket(actor) && !operations.contains(.cancel) { operations.append(.cancel) }
      return operations.map { (actor, $0) }
    }
  }

  @discardableResult
  mutating func apply(_ operation: LockOperation, by actor: Int) -> Bool {
    let expected = reference.apply(operation, by: actor)
    let outcome = tested.apply(operation, by: actor)
    if history.count == 12 { history.removeFirst() }
    history.append("\(actor) \(operation)")
    let held = reference.held
    isSame =
      outcome == expected && tested.waiting == reference.queue.count
      && tested.held.count == held.count && tested.held.first == held.first
      // A writer is alone, and nobody waits for a lock that is free.
      && (!held.contains(.write) || held.count == 1)
      && (!held.isEmpty || tested.waiting == 0)
    if !isSame {
      Issue.record("after \(history): \(outcome) instead of \(expected), \(tested), \(reference)")
    }
    return isSame
  }
}

private struct MutexUnderTest: LockUnderTest {
  private var word = AsyncMutexWord.free
  private var state = AsyncMutexState<Int>()
  private var tickets: [AsyncMutexState<Int>.Queue.Ticket?]

  init(actors: Int) { tickets = Array(repeating: nil, count: actors) }

  var held: [LockAccess] { word == .free ? [] : [.write] }
  var waiting: Int { state.waiting }
  func hasTicket(_ actor: Int) -> Bool { tickets[actor] != nil }

  mutating func apply(_ operation: LockOperation, by actor: Int) -> LockOutcome {
    defer { precondition(word == .free ? state.waiting == 0 : word == state.wordWhileHeld) }
    switch operation {
    case .lock:
      switch state.lock(word) {
      case .acquire:
        word = .held
        return LockOutcome(answer: .done)
      case .wait:
        tickets[actor] = state.join()
        word = .contended
        return LockOutcome(answer: .hasToWait)
      }
    case .tryLock:
      guard word == .free else { return LockOutcome(answer: .refused) }
      word = .held
      return LockOutcome(answer: .done)
    case .suspend:
      return LockOutcome(state.suspend(tickets[actor]!, actor))
    case .cancel:
      guard case .left(let waiter) = state.cancel(tickets[actor]!) else {
        return LockOutcome(answer: .tooLate)
      }
      word = state.wordWhileHeld
      return LockOutcome(answer: .done, dismissed: waiter)
    case .unlock:
      switch state.unlock(word) {
      case .notLocked: return LockOutcome(answer: .refused)
      case .release:
        word = .free
        return LockOutcome(answer: .done)
      case .handOver:
        word = state.wordWhileHeld
        return LockOutcome(answer: .done, resumed: state.takeResumable().map { [$0] } ?? [])
      }
    case .upgrade, .downgrade: preconditionFailure("a mutex has neither")
    }
  }
}

private struct ReadWriteLockUnderTest: LockUnderTest {
  private typealias State = AsyncReadWriteState<Int>

  private var state = State()
  private var tickets: [State.Queue.Ticket?]

  init(actors: Int) { tickets = Array(repeating: nil, count: actors) }

  var held: [LockAccess] {
    Array(repeating: .read, count: state.readers) + (state.isWriting ? [.write] : [])
  }
  var waiting: Int { state.waiting }
  func hasTicket(_ actor: Int) -> Bool { tickets[actor] != nil }

  mutating func apply(_ operation: LockOperation, by actor: Int) -> LockOutcome {
    var outcome = LockOutcome(answer: .done)
    switch operation {
    case .lock(let access):
      if let ticket = state.lock(access.access) {
        tickets[actor] = ticket
        outcome.answer = .hasToWait
      }
    case .tryLock(let access):
      if !state.tryLock(access.access) { outcome.answer = .refused }
    case .suspend:
      outcome = LockOutcome(state.suspend(tickets[actor]!, actor))
    case .cancel:
      if case .left(let waiter) = state.cancel(tickets[actor]!) {
        outcome.dismissed = waiter
      } else {
        outcome.answer = .tooLate
      }
    case .unlock:
      let wasHeld = state.isWriting ? state.writeUnlock() : state.readUnlock()
      if !wasHeld { outcome.answer = .refused }
    case .upgrade:
      switch state.upgrade() {
      case .atOnce: break
      case .wait(let ticket):
        tickets[actor] = ticket
        outcome.answer = .hasToWait
      case .notReading: outcome.answer = .refused
      }
    case .downgrade:
      if !state.downgrade() { outcome.answer = .refused }
    }
    while let waiter = state.takeResumable() { outcome.resumed.append(waiter) }
    return outcome
  }
}

extension LockOutcome {
  fileprivate init<Kind, Waiter>(_ suspension: WaiterQueue<Kind, Waiter>.Suspension) {
    switch suspension {
    case .wait: self.init(answer: .hasToWait)
    case .granted: self.init(answer: .done)
    case .cancelled: self.init(answer: .refused)
    }
  }
}

extension LockAccess {
  fileprivate var access: AsyncReadWriteState<Int>.Access { self == .read ? .read : .write }
}
