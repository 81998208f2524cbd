// The seam between the loop and what completes requests on it: the room BlockIO stands behind it, which the loop does
// not know. It stands beside Monitor, the seam for readiness, for busy polling looks at both. Home thread only, but for
// `close`.
//
// A pass begins with completions: `run` takes what the kernel and the workers have finished, and calls back. Before the
// loop sleeps, `prepareForWait` gives the kernel what was asked for since.

class LoopIO {
  /// Before a wait of the monitor's or GLib's: hands over what is queued. True if there is something to complete, so
  /// that there must be no sleep.
  func prepareForWait() -> Bool { false }

  /// Whether `run` would find something, as far as can be told without a system call.
  var hasCompletions: Bool { false }

  /// Takes what is finished and calls the completions; true if there was one.
  func run() -> Bool { false }

  /// Whether requests were made since they were last handed over.
  var hasQueued: Bool { false }

  /// A monitor on the ring that requests go through, which from now on submits to it and takes its completions; nil where
  /// they go through none.
  func shareRing() -> Monitor? { nil }

  /// The monitor in force is about to be replaced, with what it may have shared.
  func monitorIsReplaced(_ monitor: Monitor) {}

  /// The context goes: ends what is under way, waits for that, and returns what it was.
  func close() -> [String] { [] }
}
