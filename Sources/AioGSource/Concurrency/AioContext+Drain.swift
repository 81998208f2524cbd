// Draining a context: waiting for what is in flight on it, or cancelling that, before it goes. In flight are requests, jobs
// of the thread pool among them, and sleeping tasks. Handlers, timers and bottom halves are their owners' to remove.

import SystemPackage

extension AioContext {
  /// Runs the loop until nothing is in flight: no request, and no sleeping task. What is still in flight after `limit` is
  /// cancelled, and waited for.
  ///
  /// Home thread, not in a task: those have ``drained(waitingFor:)``. What is begun meanwhile counts too, so
  /// see to it that nobody begins anything for ever.
  ///
  /// - Parameter limit: how long to wait before cancelling: zero cancels at once, nil never does.
  /// - Returns: what ended by itself, and what was cancelled.
  @discardableResult
  public func drain(waitingFor limit: Duration? = nil) -> DrainReport {
    requireHome()
    var state = DrainState(deadline: deadline(limit))
    let timer = makeTimer(name: "limit of a drain") {}
    if let deadline = state.deadline { timer.arm(at: deadline) }
    defer { timer.cancel() }
    while true {
      switch state.look(inFlight, now: kernel.monotonicNow) {
      case .done:
        // What the last of them resumed.
        while jobs.hasJobs { poll(blocking: false) }
        if inFlight.isEmpty { return state.report }
      case .cancel:
        cancelInFlight()
        poll(blocking: false)
      case .wait: poll(blocking: true)
      }
    }
  }

  /// The same for a task, which waits while the loop runs: any task. Cancelling it makes no difference; the limit does.
  nonisolated(nonsending) public func drained(
    waitingFor limit: Duration? = nil
  ) async -> DrainReport {
    await run { await self.drainedHere(limit) }
  }

  private func drainedHere(_ limit: Duration?) async -> DrainReport {
    var state = DrainState(deadline: deadline(limit))
    let timer = makeTimer(name: "limit of a drain") {}
    if let deadline = state.deadline { timer.arm(at: deadline) }
    defer { timer.cancel() }
    while true {
      switch state.look(inFlight, now: kernel.monotonicNow) {
      case .done: return state.report
      case .cancel:
        cancelInFlight()
        // Behind those whose sleep that has ended.
        await Task.yield()
      case .wait: await sleepers.endOfSomething()
      }
    }
  }

  private func deadline(_ limit: Duration?) -> Int64? {
    guard let limit else { return nil }
    let (sum, overflow) = kernel.monotonicNow.addingReportingOverflow(
      max(limit, .zero).nanoseconds)
    return overflow ? nil : sum
  }

  private var inFlight: [DrainState.Item] {
    var items = sleepers.inFlight
    if let loopIO { items += unsafeDowncast(loopIO, to: ContextIO.self).inFlight }
    return items
  }

  private func cancelInFlight() {
    sleepers.cancelAll()
    if let loopIO { unsafeDowncast(loopIO, to: ContextIO.self).cancelAll() }
  }
}

extension ContextIO {
  fileprivate var inFlight: [DrainState.Item] {
    var items: [DrainState.Item] = []
    pool.visitOutstanding { request in
      items.append(
        DrainState.Item(
          address: UInt(bitPattern: request),
          generation: request.pointee.generation.load(ordering: .relaxed),
          name: "\(request.pointee.operation)"))
    }
    return items
  }

  fileprivate func cancelAll() {
    pool.visitOutstanding { request in
      if !request.pointee.isFound { Self.cancel(request) }
    }
    wakeIfNobodyLooks()
  }
}

extension IOThread {
  /// Drains the thread's context, ends the thread, and returns when it has ended.
  ///
  /// Any task but one that runs on this thread, which traps.
  ///
  /// - Parameter limit: how long to wait before cancelling what is in flight: zero cancels at once, nil never does.
  /// - Returns: what ended by itself, and what was cancelled.
  @discardableResult
  nonisolated(nonsending) public func shutDown(
    waitingFor limit: Duration? = nil
  ) async -> DrainReport {
    precondition(
      !context.isHomeThread,
      "IOThread '\(name)' cannot shut itself down: a thread cannot wait for its own end")
    let report = await context.drained(waitingFor: limit)
    stop()
    return report
  }
}
