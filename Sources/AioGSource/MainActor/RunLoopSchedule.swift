// When Foundation's run loop gets a pass: a state machine without side effects. Main thread only.
//
// Its timers make a descriptor readable. What is performed on it from the main thread does not, so it gets a turn after
// each iteration of GLib's in which something may have run, before GLib sleeps. The turn has a priority just below the
// others': in the iteration that it comes in nothing else runs, and so nothing is performed that it does not see. A turn is
// due only once GLib has looked for what is ready, or a loop that asks whether anything is pending would never end.

struct RunLoopSchedule {
  /// How often the turn is passed over in favour of more urgent sources before a pass is made all the same.
  static let patience = 64

  /// The first one sees what was there before.
  private(set) var isTurnDue = true
  private var passedOver = 0

  /// GLib has looked for what is ready, and is about to dispatch it.
  mutating func iterationPolled() {
    if isTurnDue { passedOver += 1 }
    isTurnDue = true
  }

  /// The turn was passed over too often.
  var isOverdue: Bool { passedOver > Self.patience }

  /// A pass begins. In the iteration of the turn nothing else runs; otherwise something may, after the pass.
  mutating func passBegins(isTurn: Bool) {
    passedOver = 0
    if isTurn { isTurnDue = false }
  }

  /// A pass ended, in which a source or the main queue had something: what that performed may have come too late for it.
  mutating func passHandledSource() { isTurnDue = true }
}
