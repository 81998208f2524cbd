// The process's signals as a sequence. A signal that comes again before it was taken is one element, as with the
// kernel: what waits is a mask, which is the back-pressure.

import SystemPackage

/// The numbers of the signals that came.
///
/// Got from ``AioContext/signals(_:)``.
public struct SignalSequence: AsyncSequence, Sendable {
  /// The signal's number, `SIGINT` say.
  public typealias Element = CInt
  /// It does not fail.
  public typealias Failure = Never

  let subscription: SignalSubscription

  /// Another view of the same subscription: what one iterator takes, the others do not see.
  public func makeAsyncIterator() -> Iterator { Iterator(subscription: subscription) }

  /// Takes the signals of the subscription, for one task at a time.
  public struct Iterator: AsyncIteratorProtocol {
    let subscription: SignalSubscription

    /// The signal with the lowest number of those that came, or the next that comes; nil when the task was cancelled.
    public mutating func next() async -> CInt? {
      await next(isolation: nil)
    }

    /// The signal with the lowest number of those that came, or the next that comes; nil when the task was cancelled.
    ///
    /// Any task, one at a time. A task that was not cancelled may ask again: what came meanwhile is not lost.
    public mutating func next(isolation: isolated (any Actor)?) async -> CInt? {
      await subscription.next(isolation: isolation)
    }
  }
}

extension AioContext {
  /// Subscribes to signals of the process, which from now on are elements of the sequence instead of what they did
  /// before.
  ///
  /// Any thread; not in a signal handler. The subscription begins here, before the first element is asked for, and
  /// ends when the sequence and its iterators are gone. Each of several subscriptions, of whatever contexts, sees
  /// every signal; while there is one, the process has a handler for the signal, which lets interrupted system calls
  /// go on, and with the last one the disposition of before comes back, unless somebody else has set another since.
  /// The context, which the sequence keeps alive, has to be run for a waiting task to be woken.
  ///
  /// The kernel gives a signal of the process to a thread that does not block it. All signals are blocked in
  /// IOThreads, so there has to be another thread; the main thread does, unless it was told to block them.
  ///
  /// - Throws: `Errno.invalidArgument` for no signal at all, and for numbers that no handler can be set for: SIGKILL,
  ///   SIGSTOP, those outside of 1 to 64, those that the C library uses itself, and a thread's own faults (SIGSEGV,
  ///   SIGBUS, SIGFPE, SIGILL), which would come again for ever. Nothing is changed then.
  public func signals(_ numbers: CInt...) throws(Errno) -> SignalSequence {
    guard let signals = SignalSet(numbers) else { throw .invalidArgument }
    return SignalSequence(subscription: try SignalSubscription(signals, on: self))
  }
}
