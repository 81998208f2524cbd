// How far a call of a GIO pair has come, and who ends it: a pure value, changed under the call's lock. It decides;
// GIOCall does.
//
// A call ends once: by its callback, or, while it still waits for the thread that is to start it, by cancellation. From
// the start on only the callback ends it, for until then GIO may use what it was given.

struct GIOCallState {
  private enum Phase {
    case waiting
    case started
    case ended
  }

  enum Cancellation: Equatable {
    /// The operation was not started, and will not be.
    case end
    /// The operation is told, and its callback is waited for.
    case tellOperation
    /// It is over.
    case none
  }

  private var phase = Phase.waiting

  var hasEnded: Bool { phase == .ended }

  /// Whether to start the operation.
  mutating func start() -> Bool {
    guard phase == .waiting else { return false }
    phase = .started
    return true
  }

  mutating func cancel() -> Cancellation {
    switch phase {
    case .waiting:
      phase = .ended
      return .end
    case .started: return .tellOperation
    case .ended: return .none
    }
  }

  /// The callback was called.
  mutating func complete() {
    precondition(phase != .ended, "an asynchronous GIO function called its callback twice")
    precondition(
      phase == .started, "an asynchronous GIO function called its callback before it was called")
    phase = .ended
  }
}
