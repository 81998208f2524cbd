// A mutex whose waiters are suspended tasks: no thread ever blocks on it, and it may be held across an await. Any
// thread, any executor.
//
// Guarantees. First come, first served: a task that has to wait joins a queue, and `unlock` makes its first task the
// holder without freeing the mutex in between, so nobody who comes later can get it before. What a holder wrote is seen
// by the next one: by way of the word if it was free in between (M1 releases, M2 acquires), else by way of the lock
// around the queue and of the continuation, whose resumption orders what came before it. A mutex that nobody else wants
// costs two compare-exchanges; the lock around the queue is only taken by those who wait, and by those who unlock while
// one waits.
//
// A lock does not spin before it suspends, as the seed's does: between two threads it was no faster for it.
//
// Who is next is decided by AsyncMutexState; here stand the side effects. Continuations are resumed without the lock.

import CSwiftRuntime
import Synchronization
import SystemPackage

/// A mutex for tasks: `lock()` suspends instead of blocking, and the mutex passes from one to the next in the order in
/// which they asked.
///
/// A task may hold it across an `await`, and whoever holds it may unlock it on any thread. It is not recursive: a task
/// that locks it twice waits for itself.
///
/// ```swift
/// try await mutex.withLock {
///   try await file.write(header)
///   try await file.write(body)
/// }
/// ```
///
/// Stands for `CoMutex`.
public final class AsyncMutex: Sendable {
  private typealias Continuation = UnsafeContinuation<Bool, Never>
  private typealias State = AsyncMutexState<Continuation>

  /// The name it was made with, for the sentences of its traps.
  public let name: String

  private let word = Atomic<AsyncMutexWord>(.free)
  private let queueLock = Lock()
  /// Under the lock.
  @exclusivity(unchecked) nonisolated(unsafe) private var state = State()

  /// Makes a mutex that is free.
  ///
  /// Stands for `qemu_co_mutex_init`.
  public init(name: String = "mutex") {
    self.name = name
  }

  deinit {
    assert(
      word.load(ordering: .relaxed) == .free,
      "AsyncMutex '\(name)' was destroyed while it is locked")
  }

  /// Whether somebody holds it. What it answers may be over at once.
  public var isLocked: Bool { word.load(ordering: .relaxed) != .free }

  /// How many wait for it.
  var waiting: Int { queueLock.withLock { state.waiting } }

  // MARK: Locking

  /// Gets the mutex, sooner or later: a cancellation of the task makes no difference. Keeps the caller's isolation.
  ///
  /// Stands for `qemu_co_mutex_lock`.
  nonisolated(nonsending) public func lock() async {
    if tryLock() { return }
    guard let ticket = acquireOrJoin() else { return }
    _ = await withUnsafeContinuation { (continuation: Continuation) in
      suspend(ticket, continuation)
    }
    aiogs_was_resumed()
  }

  /// Gets the mutex, unless the task is cancelled before it does: it leaves the queue then.
  ///
  /// When the mutex is handed to the task and the task is cancelled at the same time, one of the two counts: if this
  /// returns, the task holds the mutex; if it throws, it does not.
  ///
  /// - Throws: `Errno.canceled`, also if the task was cancelled before the call.
  nonisolated(nonsending) public func lockUnlessCancelled() async throws(Errno) {
    if Task.isCancelled { throw .canceled }
    if tryLock() { return }
    guard let ticket = acquireOrJoin() else { return }
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
      onCancel: { cancel(ticket) },
      isolation: isolation)
  }

  /// Gets the mutex if it is free; false if somebody holds it. Never waits.
  @inline(__always)
  public func tryLock() -> Bool {
    // M2: acquires what the holder before wrote. Pairs with M1.
    word.compareExchange(expected: .free, desired: .held, ordering: .acquiring).exchanged
  }

  /// Gives the mutex up, or to the first who waits for it, who is resumed on its own executor. Any thread; traps if
  /// nobody holds it.
  ///
  /// Stands for `qemu_co_mutex_unlock`.
  public func unlock() {
    // M1: releases what this holder wrote. Pairs with M2.
    if word.compareExchange(expected: .held, desired: .free, ordering: .releasing).exchanged {
      return
    }
    handOver()
  }

  /// Calls `body` with the mutex held. Keeps the caller's isolation.
  @inlinable
  nonisolated(nonsending) public func withLock<Result, Failure: Error>(
    _ body: nonisolated(nonsending) () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    await lock()
    defer { unlock() }
    return try await body()
  }

  // MARK: With the queue

  /// Gets the mutex if it has become free, and nil then; else takes a place in the queue.
  private func acquireOrJoin() -> State.Queue.Ticket? {
    queueLock.withLock {
      while true {
        // It may be freed and taken meanwhile, but contended it is only made, and made anything else, under the lock.
        let seen = word.load(ordering: .relaxed)
        let action = state.lock(seen)
        // M2 as in `tryLock`. Pairs with M1.
        let result = word.weakCompareExchange(
          expected: seen, desired: action == .acquire ? .held : .contended,
          successOrdering: .acquiring, failureOrdering: .relaxed)
        if result.exchanged { return action == .acquire ? nil : state.join() }
      }
    }
  }

  private func suspend(_ ticket: State.Queue.Ticket, _ continuation: Continuation) {
    switch queueLock.withLock({ state.suspend(ticket, continuation) }) {
    case .wait: break
    case .granted: continuation.resume(returning: true)
    case .cancelled: continuation.resume(returning: false)
    }
  }

  private func cancel(_ ticket: State.Queue.Ticket) {
    let waiter: Continuation? = queueLock.withLock {
      guard case .left(let waiter) = state.cancel(ticket) else { return nil }
      // One that was in the queue: the word is contended, and nobody else changes that.
      word.store(state.wordWhileHeld, ordering: .relaxed)
      return waiter
    }
    waiter?.resume(returning: false)
  }

  /// Somebody waits, or did when the word was looked at.
  @inline(never)
  private func handOver() {
    let waiter: Continuation? = queueLock.withLock {
      while true {
        let seen = word.load(ordering: .relaxed)
        switch state.unlock(seen) {
        case .notLocked:
          preconditionFailure("AsyncMutex '\(name)' was unlocked while nobody holds it")
        case .release:
          // The one who waited was cancelled. M1 as in `unlock`. Pairs with M2.
          let result = word.compareExchange(
            expected: .held, desired: .free, ordering: .releasing)
          if result.exchanged { return nil }
        case .handOver:
          word.store(state.wordWhileHeld, ordering: .relaxed)
          return state.takeResumable()
        }
      }
    }
    waiter?.resume(returning: true)
  }
}
