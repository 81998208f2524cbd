// Who waits for a change of a context's state, each in its own loop, and how they are woken to look again. Any thread.
//
// No kick is lost: `kick` and `add` are read-modify-writes of the same word, so either the kick sees the waiter, or the
// waiter's first look comes after the kick and sees what was changed before it (7455ff1aa0).

import Synchronization

final class Waiters: @unchecked Sendable {
  private let count = Atomic<Int>(0)
  private let lock = Lock()
  private var bottomHalves: [BottomHalf] = []

  /// Before the first look at the condition.
  func add(_ bottomHalf: BottomHalf) {
    lock.withLock { bottomHalves.append(bottomHalf) }
    count.add(1, ordering: .acquiringAndReleasing)
  }

  func remove(_ bottomHalf: BottomHalf) {
    count.subtract(1, ordering: .relaxed)
    lock.withLock {
      bottomHalves.removeAll { $0 === bottomHalf }
    }
  }

  /// After the change. A bottom half and not a mere notification: it makes the waiter's poll return.
  func kick() {
    if count.add(0, ordering: .acquiringAndReleasing).oldValue == 0 { return }
    // Under the lock: a waiter that takes itself off may be about to end with its context.
    lock.withLock {
      for bottomHalf in bottomHalves { bottomHalf.schedule() }
    }
  }
}
