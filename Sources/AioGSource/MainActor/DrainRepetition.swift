// Whether a drain of the main queue is followed by another before GLib gets its turn: a state machine without side effects.
// Main thread only.
//
// A task that hops to the main actor and back is here again, often enough, before the drain that let it go has ended; GLib
// would look at all of its descriptors to find that out (mainactor.hop in scripts/bench). The look costs a system call, so
// it is left out where it found nothing the last time, but for one time in four.

struct DrainRepetition {
  /// Microseconds, as GLib has them, of one dispatch after which GLib's other sources have their turn in any case.
  static let maximumTime = 1000
  static let looksOnceIn = 4

  private var foundSomething = false
  private var leftOut = 0

  /// A drain ended: whether to look if the descriptor is readable again.
  mutating func shouldLook() -> Bool {
    if foundSomething { return true }
    leftOut += 1
    if leftOut < Self.looksOnceIn { return false }
    leftOut = 0
    return true
  }

  mutating func looked(found: Bool) {
    foundSomething = found
  }
}
