// Who gets an AsyncMutex: a value without threads or atomics. What it returns, AsyncMutex does: it changes the word,
// and resumes outside of its lock.
//
// The word is contended exactly while the queue is not empty, whenever AsyncMutex's lock is free. Only the moves
// between free and held are made without that lock, by those who need not ask the queue; a mutex with a queue is never
// free, so nobody comes before the first in it.
//
// Checked, with the threads around it, by Models/async-mutex.pml, which knows these functions by name.

import Synchronization

enum AsyncMutexWord: UInt8, AtomicRepresentable {
  case free
  case held
  /// Held, and somebody waits.
  case contended
}

struct AsyncMutexState<Waiter> {
  typealias Queue = WaiterQueue<Void, Waiter>

  enum LockAction: Equatable {
    /// The word has to become held.
    case acquire
    /// The word has to become contended; then `join`.
    case wait
  }

  enum UnlockAction: Equatable {
    /// Nobody waits: the word has to become free.
    case release
    /// It is the first waiter's now, and was not free in between. The word has to become `wordWhileHeld`; then
    /// `takeResumable`.
    case handOver
    case notLocked
  }

  private var queue = Queue()

  /// How many wait for their turn.
  var waiting: Int { queue.count }

  var wordWhileHeld: AsyncMutexWord { queue.isEmpty ? .held : .contended }

  func lock(_ word: AsyncMutexWord) -> LockAction {
    word == .free ? .acquire : .wait
  }

  mutating func unlock(_ word: AsyncMutexWord) -> UnlockAction {
    switch word {
    case .free: return .notLocked
    case .held: return .release
    case .contended:
      queue.grantFirst()
      return .handOver
    }
  }

  /// At the end of the queue. `suspend` has to follow.
  mutating func join() -> Queue.Ticket {
    queue.join(())
  }

  mutating func suspend(_ ticket: Queue.Ticket, _ waiter: Waiter) -> Queue.Suspension {
    queue.suspend(ticket, waiter)
  }

  /// If it left, the word has to become `wordWhileHeld`.
  mutating func cancel(_ ticket: Queue.Ticket) -> Queue.Cancellation {
    queue.cancel(ticket)
  }

  /// The new holder, to be resumed; nil if it has not suspended yet.
  mutating func takeResumable() -> Waiter? {
    queue.takeResumable()
  }
}
