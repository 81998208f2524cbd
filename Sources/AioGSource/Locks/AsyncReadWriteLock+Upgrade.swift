// From writing to reading, and from reading to writing, without letting go in between where that can be. Any thread.

import SystemPackage

extension AsyncReadWriteLock {
  /// Makes the writer a reader, with no other writer in between; readers that come next enter with it. Any thread;
  /// traps if nobody writes. From then on it is `readUnlock()` that ends it.
  ///
  /// Stands for `qemu_co_rwlock_downgrade`.
  public func downgrade() {
    let wasHeld = change { $0.downgrade() }
    precondition(wasHeld, "AsyncReadWriteLock '\(name)' was downgraded while nobody writes")
  }

  /// Makes the reader a writer: at once if it is the only reader and nobody waits. Else it stops reading, joins the
  /// queue as a writer, and gets the lock when its turn comes. From then on it is `writeUnlock()` that ends it.
  ///
  /// Traps if nobody reads. A cancellation of the task makes no difference. Keeps the caller's isolation.
  ///
  /// - Returns: whether it had to wait. If so, others may have written meanwhile, and what was read before may be over.
  ///
  /// Stands for `qemu_co_rwlock_upgrade`.
  @discardableResult
  nonisolated(nonsending) public func upgrade() async -> Bool {
    guard let ticket = upgradeOrJoin() else { return false }
    await wait(for: ticket)
    return true
  }

  /// The same, unless the task is cancelled before it writes: it holds the lock no more then, neither for writing nor
  /// for reading. So it has no place inside of `withReadLock`, whose end gives up what the caller holds.
  ///
  /// - Throws: `Errno.canceled`, also if the task was cancelled before the call.
  @discardableResult
  nonisolated(nonsending) public func upgradeUnlessCancelled() async throws(Errno) -> Bool {
    if Task.isCancelled {
      readUnlock()
      throw .canceled
    }
    guard let ticket = upgradeOrJoin() else { return false }
    try await waitUnlessCancelled(for: ticket)
    return true
  }

  private func upgradeOrJoin() -> State.Queue.Ticket? {
    switch change({ $0.upgrade() }) {
    case .atOnce: return nil
    case .wait(let ticket): return ticket
    case .notReading:
      preconditionFailure("AsyncReadWriteLock '\(name)' was upgraded while nobody reads")
    }
  }
}
