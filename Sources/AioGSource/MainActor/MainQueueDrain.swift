// Who drains the Dispatch main queue, and what to do about a wake-up that comes while it is being drained: a state machine
// without side effects. The process has one main queue and so one of these. Main thread only.
//
// libdispatch ignores a drain inside a drain, so the wake-up that asked for it would be lost: a nested GLib loop, run by a
// job of the main queue, takes it off the descriptor (or it would spin on it) and remembers it, and the descriptor is
// signalled again when the outer drain is over. A pass of Foundation's run loop may drain the queue as well, which cannot
// be seen: a drain inside of a pass is tried, and remembered until the pass is over in case it was ignored.

struct MainQueueDrain {
  enum Action {
    /// Call libdispatch, then `drainEnded`.
    case drain
    /// Nothing: the queue is being drained further up the stack.
    case remember
  }

  private var isDraining = false
  private var runLoopPasses = 0
  private var isRemembered = false

  /// The descriptor was readable, and was read.
  mutating func becameReadable() -> Action {
    if isDraining {
      isRemembered = true
      return .remember
    }
    isDraining = true
    if runLoopPasses > 0 { isRemembered = true }
    return .drain
  }

  /// True if the descriptor is to be signalled.
  mutating func drainEnded() -> Bool {
    precondition(isDraining, "a drain of the main queue ended that had not begun")
    isDraining = false
    return takeRemembered()
  }

  mutating func runLoopPassBegan() {
    runLoopPasses += 1
  }

  /// True if the descriptor is to be signalled.
  mutating func runLoopPassEnded() -> Bool {
    precondition(runLoopPasses > 0, "a pass of the run loop ended that had not begun")
    runLoopPasses -= 1
    // With the queue being drained further up, this pass may have taken a wake-up that it could not follow.
    if isDraining || runLoopPasses > 0 { isRemembered = true }
    return takeRemembered()
  }

  /// Signalling inside of a pass that drains the queue would spin: it would be ignored, and remembered again.
  private mutating func takeRemembered() -> Bool {
    if isDraining || runLoopPasses > 0 { return false }
    defer { isRemembered = false }
    return isRemembered
  }
}
