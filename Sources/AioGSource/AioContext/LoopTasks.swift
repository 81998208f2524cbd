// The seam between the loop and what tasks wait for on it, besides requests: the room Concurrency stands behind it, which
// the loop does not know. Home thread only, but for `close`.

class LoopTasks {
  /// Whether to be told of the end of passes that have made progress.
  final var isWatchingPasses = false

  /// A pass has done all but to run jobs.
  func passEnded() {}

  /// The context goes. What was waited for, each a few words.
  func close() -> [String] { [] }
}
