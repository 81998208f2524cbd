// What the two locks are to do, said as directly as can be and without an eye to cost: a model that they are compared
// with. A mutex is the same with writers only.

enum LockAccess: String, CaseIterable {
  case read
  case write
}

enum LockOperation: Hashable {
  case lock(LockAccess)
  case tryLock(LockAccess)
  /// What follows when `lock` or `upgrade` said that it has to wait.
  case suspend
  case cancel
  case unlock
  case upgrade
  case downgrade
}

/// What an operation says to the actor that does it, and which waiters end with it.
struct LockOutcome: Equatable {
  enum Answer: Equatable {
    case done
    case refused
    case hasToWait
    case tooLate
  }

  var answer: Answer
  /// Whose turn came, in order.
  var resumed: [Int] = []
  /// Whose wait was cancelled.
  var dismissed: Int?
}

struct ReferenceLock: Hashable {
  enum Standing: Hashable {
    case outside
    case holds(LockAccess)
    case waits(LockAccess, isSuspended: Bool)
    /// Its wait was over before it suspended; nil: it was cancelled.
    case hasToBeTold(LockAccess?)

    /// It has the lock, whether it knows or not.
    var held: LockAccess? {
      switch self {
      case .holds(let access), .hasToBeTold(.some(let access)): access
      default: nil
      }
    }

    var wanted: LockAccess? {
      if case .waits(let access, _) = self { return access }
      return nil
    }
  }

  private(set) var standings: [Standing]
  private(set) var queue: [Int] = []

  init(actors: Int) {
    standings = Array(repeating: .outside, count: actors)
  }

  var held: [LockAccess] { standings.compactMap(\.held) }

  private static func goTogether(_ accesses: [LockAccess]) -> Bool {
    accesses.count < 2 || !accesses.contains(.write)
  }

  /// What an actor may do next, if it keeps to the rules.
  func operations(of actor: Int, accesses: [LockAccess]) -> [LockOperation] {
    switch standings[actor] {
    case .outside:
      return accesses.map(LockOperation.lock) + accesses.map(LockOperation.tryLock)
    case .holds(.read): return [.unlock, .upgrade]
    case .holds(.write): return accesses.contains(.read) ? [.unlock, .downgrade] : [.unlock]
    case .waits(_, let isSuspended): return isSuspended ? [.cancel] : [.suspend, .cancel]
    case .hasToBeTold: return [.suspend]
    }
  }

  mutating func apply(_ operation: LockOperation, by actor: Int) -> LockOutcome {
    switch operation {
    case .lock(let access):
      // It gets the lock if it would be in the part of the queue that can have it.
      queue.append(actor)
      standings[actor] = .waits(access, isSuspended: true)
      if settle() == [actor] { return LockOutcome(answer: .done) }
      standings[actor] = .waits(access, isSuspended: false)
      return LockOutcome(answer: .hasToWait)
    case .tryLock(let access):
      guard queue.isEmpty && Self.goTogether(held + [access]) else {
        return LockOutcome(answer: .refused)
      }
      standings[actor] = .holds(access)
      return LockOutcome(answer: .done)
    case .suspend:
      switch standings[actor] {
      case .hasToBeTold(let access):
        standings[actor] = access.map(Standing.holds) ?? .outside
        return LockOutcome(answer: access == nil ? .refused : .done)
      default:
        standings[actor] = .waits(standings[actor].wanted!, isSuspended: true)
        return LockOutcome(answer: .hasToWait)
      }
    case .cancel:
      guard case .waits(_, let isSuspended) = standings[actor] else {
        return LockOutcome(answer: .tooLate)
      }
      queue.removeAll { $0 == actor }
      standings[actor] = isSuspended ? .outside : .hasToBeTold(nil)
      return LockOutcome(
        answer: .done, resumed: settle(), dismissed: isSuspended ? actor : nil)
    case .unlock:
      standings[actor] = .outside
      return LockOutcome(answer: .done, resumed: settle())
    case .downgrade:
      standings[actor] = .holds(.read)
      return LockOutcome(answer: .done, resumed: settle())
    case .upgrade:
      if queue.isEmpty && held == [.read] {
        standings[actor] = .holds(.write)
        return LockOutcome(answer: .done)
      }
      queue.append(actor)
      standings[actor] = .waits(.write, isSuspended: false)
      return LockOutcome(answer: .hasToWait, resumed: settle())
    }
  }

  /// The longest part of the queue, from its head, that can have the lock beside those who have it gets it. Returns
  /// those of them who sleep.
  private mutating func settle() -> [Int] {
    var admitted = 0
    for length in 0...queue.count {
      let accesses = queue.prefix(length).map { standings[$0].wanted! }
      if accesses.isEmpty || Self.goTogether(held + accesses) { admitted = length }
    }
    var resumed: [Int] = []
    for actor in queue.prefix(admitted) {
      guard case .waits(let access, let isSuspended) = standings[actor] else { continue }
      standings[actor] = isSuspended ? .holds(access) : .hasToBeTold(access)
      if isSuspended { resumed.append(actor) }
    }
    queue.removeFirst(admitted)
    return resumed
  }
}
