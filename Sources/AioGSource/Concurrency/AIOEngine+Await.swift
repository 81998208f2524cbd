// How a request is awaited: the task's continuation waits in the request itself, so that awaiting costs no allocation beyond
// the task's own frames, and the completion resumes the task in the pass that it comes in.
//
// From the home thread the request is made there and then. From anywhere else the task goes to the context first, and
// returns to where it was with the result.

import SystemPackage

extension AIOEngine {
  /// Makes a request with `make` and waits for its end: what the kernel said, a count or a negative errno.
  ///
  /// Cancelling the task cancels the request, and the wait ends when its completion has come: the buffer is the request's
  /// until then. A task that was cancelled before makes no request.
  ///
  /// Unless `isCancellable`, nothing of this holds: the request is made and not cancelled.
  ///
  /// `make` is called on the home thread, at most once, with a completion to pass on.
  @inline(__always)
  nonisolated(nonsending) func perform(
    isCancellable: Bool = true,
    _ make: @Sendable (AIOEngine, @escaping Completion) -> AIORequest
  ) async throws(Errno) -> Int {
    if io.isRunningHere {
      return try await performHere(isCancellable, make)
    }
    return try await performElsewhere(isCancellable, make)
  }

  @inline(never)
  nonisolated(nonsending) private func performElsewhere(
    _ isCancellable: Bool,
    _ make: @Sendable (AIOEngine, @escaping Completion) -> AIORequest
  ) async throws(Errno) -> Int {
    // Held until the end: a context that is gone could not resume us.
    guard let context = io.pool.context else { throw .canceled }
    return try await context.run { () throws(Errno) in
      try await self.performHere(isCancellable, make)
    }
  }

  @inline(__always)
  nonisolated(nonsending) private func performHere(
    _ isCancellable: Bool,
    _ make: @Sendable (AIOEngine, @escaping Completion) -> AIORequest
  ) async throws(Errno) -> Int {
    let gate = CancellationGate()
    let result = await withTaskCancellationHandler {
      await withUnsafeContinuation {
        (continuation: UnsafeContinuation<Int, Never>) in
        if isCancellable && gate.isCancelled {
          continuation.resume(returning: -Int(Errno.canceled.rawValue))
          return
        }
        let request = make(self, ignoredCompletion)
        request.node.pointee.awaiter = continuation
        let target = CancellationGate.Target(
          address: UnsafeMutableRawPointer(request.node), generation: request.generation)
        if isCancellable && gate.begun(target) { request.cancel() }
      }
    } onCancel: {
      if let target = gate.cancel() { self.cancelAwaited(target) }
    }
    if result < 0 { throw Errno(rawValue: CInt(-result)) }
    return result
  }

  @inline(never)
  private func cancelAwaited(_ target: CancellationGate.Target) {
    let node = target.address.assumingMemoryBound(to: RequestNode.self)
    AIORequest(pool: io.pool, node: node, generation: target.generation).cancel()
  }
}

/// What stands in a request that a task awaits.
private let ignoredCompletion: AIOEngine.Completion = { _ in }

extension ContextIO {
  @inline(__always)
  var isRunningHere: Bool {
    !isClosed && context._withUnsafeGuaranteedRef { $0.isHomeThread }
  }
}
