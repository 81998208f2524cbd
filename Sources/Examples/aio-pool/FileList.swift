// The files that are left, and what came of those that were taken: an actor on the main thread's context, for the digesters
// on theirs take from it and the main thread's task waits for it.

import AioGSource

actor FileList {
  struct Entry: Sendable {
    let index: Int
    let path: String
  }

  private let context: AioContext
  private let paths: [String]
  private var taken = 0
  private var outcomes: [Int: Outcome] = [:]
  /// Which outcome is the next to be asked for.
  private var awaited = 0
  private var waiter: CheckedContinuation<Outcome?, Never>?
  /// What closed it; nil while it is open.
  private(set) var signal: CInt?

  nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }

  init(_ paths: [String], on context: AioContext) {
    self.paths = paths
    self.context = context
  }

  /// A file for the caller; nil if there is none left, or the list was closed.
  func next() -> Entry? {
    if signal != nil || taken == paths.count { return nil }
    taken += 1
    return Entry(index: taken - 1, path: paths[taken - 1])
  }

  /// So many of them, or as many as there are.
  func next(_ count: Int) -> [Entry] { (0..<count).compactMap { _ in next() } }

  /// Takes what came of a file that the caller had, and gives the caller another one.
  func put(_ outcome: Outcome, for file: Entry) -> Entry? {
    if file.index == awaited, let waiter = waiter.take() {
      awaited += 1
      waiter.resume(returning: outcome)
    } else {
      outcomes[file.index] = outcome
    }
    return next()
  }

  /// Waits for the outcomes, one after the other in the order of the files; nil if the list was closed.
  func nextOutcome() async -> Outcome? {
    await withCheckedContinuation { continuation in
      // Looked at in here: the await is where others come in, before the closure as well.
      if signal != nil {
        continuation.resume(returning: nil)
      } else if let outcome = outcomes.removeValue(forKey: awaited) {
        awaited += 1
        continuation.resume(returning: outcome)
      } else {
        waiter = continuation
      }
    }
  }

  /// Nobody gets a file any more, and who waits for an outcome is told.
  func close(by signal: CInt) {
    if self.signal == nil { self.signal = signal }
    waiter.take()?.resume(returning: nil)
  }
}
