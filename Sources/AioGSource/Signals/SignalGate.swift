// Where the iterator of signals waits, and what ends the wait: the bottom half, when a signal came, and the task's
// cancellation. One waiter at a time.
//
// A value that says what to do, under SignalSubscription's lock. What ends the wait only says that there is something
// to look at; the waiter looks itself. So that nothing is missed between its look and its sleep, being told in between
// keeps it from sleeping.

struct SignalGate<Waiter> {
  private enum State {
    /// Nobody asks for a signal.
    case closed
    /// Somebody looks.
    case open
    /// And has something to look at since.
    case told
    case waiting(Waiter)
  }

  private var state = State.closed

  /// Before the first look. False if somebody else is at it.
  mutating func open() -> Bool {
    guard case .closed = state else { return false }
    state = .open
    return true
  }

  /// After the last look.
  mutating func close() {
    state = .closed
  }

  /// After a look that found nothing. False if the waiter has to look again instead of waiting.
  mutating func wait(_ waiter: Waiter) -> Bool {
    if case .told = state {
      state = .open
      return false
    }
    state = .waiting(waiter)
    return true
  }

  /// There is something to look at. Whom to wake, if anybody.
  mutating func tell() -> Waiter? {
    switch state {
    case .closed, .told: return nil
    case .open:
      state = .told
      return nil
    case .waiting(let waiter):
      state = .open
      return waiter
    }
  }
}
