// A reader-writer lock whose waiters are suspended tasks: no thread ever blocks on it, and it may be held across an
// await. Any thread, any executor.
//
// Guarantees. First come, first served: a writer that waits holds up the readers that come after it, and readers that
// queue one after the other enter together. What a writer wrote is seen by those who have the lock after it, and what
// readers read is not what a later writer writes: each change of hands is made under one lock, which orders them, and a
// waiter's continuation, whose resumption orders what came before it.
//
// Who is next is decided by AsyncReadWriteState; here stand the side effects. Continuations are resumed without the
// lock.

import CSwiftRuntime
import SystemPackage

/// A lock for tasks that many may hold for reading, or one for writing; it suspends instead of blocking, and serves in
/// the order in which it is asked.
///
/// A task may hold it across an `await`, and whoever holds it may unlock it on any thread. It is not recursive, not
/// even for reading: a reader that reads once more waits behind a writer that waits for it.
///
/// ```swift
/// await lock.withReadLock {
///   if table[key] == nil {
///     // Others may have written meanwhile, if it had to wait.
///     await lock.upgrade()
///     table[key] = table[key] ?? makeEntry()
///   }
/// }
/// ```
///
/// Stands for `CoRwlock`.
public final class AsyncReadWriteLock: Sendable {
  typealias Continuation = UnsafeContinuation<Bool, Never>
  typealias State = AsyncReadWriteState<Continuation>

  /// The name it was made with, for the sentences of its traps.
  public let name: String

  private let stateLock = Lock()
  /// Under the lock.
  @exclusivity(unchecked) nonisolated(unsafe) private var state = State()

  /// Makes a lock that is free.
  ///
  /// Stands for `qemu_co_rwlock_init`.
  public init(name: String = "read-write lock") {
    self.name = name
  }

  deinit {
    assert(state.isFree, "AsyncReadWriteLock '\(name)' was destroyed while it is locked")
  }

  /// How many hold it for reading. What it answers may be over at once.
  public var readerCount: Int { stateLock.withLock { state.readers } }

  /// Whether somebody holds it for writing. What it answers may be over at once.
  public var isWriteLocked: Bool { stateLock.withLock { state.isWriting } }

  /// How many wait for it.
  var waiting: Int { stateLock.withLock { state.waiting } }

  // MARK: Locking

  /// Gets the lock for reading, sooner or later: a cancellation of the task makes no difference. Keeps the caller's
  /// isolation.
  ///
  /// Stands for `qemu_co_rwlock_rdlock`.
  nonisolated(nonsending) public func readLock() async {
    await lock(.read)
  }

  /// Gets the lock for writing, sooner or later: a cancellation of the task makes no difference. Keeps the caller's
  /// isolation.
  ///
  /// Stands for `qemu_co_rwlock_wrlock`.
  nonisolated(nonsending) public func writeLock() async {
    await lock(.write)
  }

  /// Gets the lock for reading, unless the task is cancelled before it does: it leaves the queue then.
  ///
  /// - Throws: `Errno.canceled`, also if the task was cancelled before the call.
  nonisolated(nonsending) public func readLockUnlessCancelled() async throws(Errno) {
    try await lockUnlessCancelled(.read)
  }

  /// Gets the lock for writing, unless the task is cancelled before it does: it leaves the queue then, and lets those
  /// in who waited for it alone.
  ///
  /// - Throws: `Errno.canceled`, also if the task was cancelled before the call.
  nonisolated(nonsending) public func writeLockUnlessCancelled() async throws(Errno) {
    try await lockUnlessCancelled(.write)
  }

  /// Gets the lock for reading if nobody writes and nobody waits. Never waits.
  public func tryReadLock() -> Bool {
    stateLock.withLock { state.tryLock(.read) }
  }

  /// Gets the lock for writing if it is free. Never waits.
  public func tryWriteLock() -> Bool {
    stateLock.withLock { state.tryLock(.write) }
  }

  // MARK: Unlocking

  /// Ends one reading; the last one lets the first writer in. Any thread; traps if nobody reads.
  ///
  /// Stands for `qemu_co_rwlock_unlock`.
  public func readUnlock() {
    let wasHeld = change { $0.readUnlock() }
    precondition(
      wasHeld, "AsyncReadWriteLock '\(name)' was unlocked for reading while nobody reads")
  }

  /// Ends the writing, and lets in who comes next. Any thread; traps if nobody writes.
  ///
  /// Stands for `qemu_co_rwlock_unlock`.
  public func writeUnlock() {
    let wasHeld = change { $0.writeUnlock() }
    precondition(
      wasHeld, "AsyncReadWriteLock '\(name)' was unlocked for writing while nobody writes")
  }

  // MARK: With a body

  /// Calls `body` with the lock held for reading, and gives up what is held when it ends: it may have upgraded it.
  /// Keeps the caller's isolation.
  nonisolated(nonsending) public func withReadLock<Result, Failure: Error>(
    _ body: nonisolated(nonsending) () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    await readLock()
    defer { unlock() }
    return try await body()
  }

  /// Calls `body` with the lock held for writing, and gives up what is held when it ends: it may have downgraded it.
  /// Keeps the caller's isolation.
  nonisolated(nonsending) public func withWriteLock<Result, Failure: Error>(
    _ body: nonisolated(nonsending) () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    await writeLock()
    defer { unlock() }
    return try await body()
  }

  /// The caller holds it, as what there is.
  private func unlock() {
    let wasHeld = change { $0.isWriting ? $0.writeUnlock() : $0.readUnlock() }
    precondition(wasHeld, "AsyncReadWriteLock '\(name)' was unlocked while nobody holds it")
  }

  // MARK: With the state

  nonisolated(nonsending) private func lock(_ access: State.Access) async {
    guard let ticket = stateLock.withLock({ state.lock(access) }) else { return }
    await wait(for: ticket)
  }

  nonisolated(nonsending) private func lockUnlessCancelled(
    _ access: State.Access
  ) async throws(Errno) {
    if Task.isCancelled { throw .canceled }
    guard let ticket = stateLock.withLock({ state.lock(access) }) else { return }
    try await waitUnlessCancelled(for: ticket)
  }

  nonisolated(nonsending) func wait(for ticket: State.Queue.Ticket) async {
    _ = await withUnsafeContinuation { (continuation: Continuation) in
      suspend(ticket, continuation)
    }
    aiogs_was_resumed()
  }

  nonisolated(nonsending) func waitUnlessCancelled(
    for ticket: State.Queue.Ticket
  ) async throws(Errno) {
    if await !wait(#isolation, for: ticket) { throw .canceled }
  }

  /// False if the task was cancelled before its turn came. The isolation is a parameter, and the closure names it: given to
  /// withTaskCancellationHandler, it would leave for the pool's threads otherwise.
  private func wait(
    _ isolation: isolated (any Actor)?, for ticket: State.Queue.Ticket
  ) async -> Bool {
    defer { aiogs_was_resumed() }
    return await withTaskCancellationHandler(
      operation: {
        await withUnsafeContinuation(isolation: isolation) { suspend(ticket, $0) }
      },
      onCancel: {
        if case .left(let waiter) = change({ $0.cancel(ticket) }) {
          waiter?.resume(returning: false)
        }
      },
      isolation: isolation)
  }

  private func suspend(_ ticket: State.Queue.Ticket, _ continuation: Continuation) {
    switch stateLock.withLock({ state.suspend(ticket, continuation) }) {
    case .wait: break
    case .granted: continuation.resume(returning: true)
    case .cancelled: continuation.resume(returning: false)
    }
  }

  /// Changes the state, and resumes those whose turn came.
  func change<Result>(_ body: (inout State) -> Result) -> Result {
    var next: Continuation?
    let result = stateLock.withLock {
      let result = body(&state)
      next = state.takeResumable()
      return result
    }
    while let continuation = next {
      continuation.resume(returning: true)
      next = stateLock.withLock { state.takeResumable() }
    }
    return result
  }
}
