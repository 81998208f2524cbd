// Getting on the bus, by somebody who does not wait for ever. Main actor.
//
// GDBus greets the bus in a thread of its own and does not heed the cancellation of that, so a bus that is silent then
// would keep us for as long as a call may take, 25 s. Whoever gives up goes on at once; what comes of it later is dropped.

@MainActor final class BusOpening {
  typealias Outcome = Result<BusConnection, BusError>

  /// nil while it goes on.
  private(set) var outcome: Outcome?
  private var task: Task<Void, Never>?
  private var waiter: CheckedContinuation<Outcome, Never>?

  init(for bus: Bus) {
    task = Task {
      let late = complete(await BusConnection.open(for: bus))
      late?.withdraw()
      await late?.close()
    }
  }

  /// One may wait for it.
  func wait() async -> Outcome {
    if let outcome { return outcome }
    return await withCheckedContinuation { waiter = $0 }
  }

  /// Ends it, unless it has ended.
  func giveUp(with error: BusError) {
    if outcome != nil { return }
    task?.cancel()
    _ = complete(.failure(error))
  }

  /// The connection, if it came too late.
  private func complete(_ outcome: Outcome) -> BusConnection? {
    if self.outcome != nil { return try? outcome.get() }
    self.outcome = outcome
    task = nil
    waiter.take()?.resume(returning: outcome)
    return nil
  }
}
