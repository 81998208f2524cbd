// The events of a notifier, as a sequence. Notifications coalesce in the notifier until somebody asks, which is the
// back-pressure.

import SystemPackage

/// An element each time that an event notifier was set.
///
/// Got from ``AioContext/events(of:)``.
public struct NotifierSequence: AsyncSequence, Sendable {
  /// Nothing but that it came.
  public typealias Element = Void
  /// `Errno.badFileDescriptor` once the notifier is closed, or what kept the context from waiting for it.
  public typealias Failure = Errno

  let context: AioContext
  let notifier: EventNotifier

  /// Begins to take the notifications, with the first element that is asked for.
  public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

  /// Takes notifications, for one task at a time.
  public struct Iterator: AsyncIteratorProtocol {
    let sequence: NotifierSequence

    /// Waits until the notifier is set, and clears it; nil when the task was cancelled.
    public mutating func next() async throws(Errno) -> Void? {
      try await next(isolation: nil)
    }

    /// Waits until the notifier is set, and clears it; nil when the task was cancelled.
    public mutating func next(isolation: isolated (any Actor)?) async throws(Errno) -> Void? {
      let notifier = sequence.notifier
      while true {
        if Task.isCancelled { return nil }
        if notifier.testAndClear() { return () }
        let descriptor = notifier.fileDescriptor
        if descriptor.rawValue < 0 { throw .badFileDescriptor }
        do throws(Errno) {
          try await sequence.context.readable(descriptor)
        } catch {
          if error == .canceled { return nil }
          throw error
        }
      }
    }
  }
}

extension AioContext {
  /// The times that an event notifier is set, those between two elements as one. No handler may be set for it.
  ///
  /// Any task; the sequence ends when it is cancelled, and throws `Errno.badFileDescriptor` once the notifier is closed.
  public func events(of notifier: EventNotifier) -> NotifierSequence {
    NotifierSequence(context: self, notifier: notifier)
  }
}
