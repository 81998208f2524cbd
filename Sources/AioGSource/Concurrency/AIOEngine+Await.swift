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
    if io.isAtHome {
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

  /// nonisolated(nonsending) all the way: an `isolated` parameter costs a switch of executors at each call that is inlined,
  /// and each takes the runtime's lock on the task. What the continuation's closure does, it does in place.
  @inline(__always)
  nonisolated(nonsending) private func performHere(
    _ isCancellable: Bool,
    _ make: @Sendable (AIOEngine, @escaping Completion) -> AIORequest
  ) async throws(Errno) -> Int {
    if !isCancellable { return try Self.count(await awaitRequest(make, nil)) }
    let awaiter = io.awaiters.take()
    let record = awaiter.addHandler()
    let result = await awaitRequest(make, awaiter)
    awaiter.removeHandler(record)
    if io.isAtHome {
      io.awaiters.give(awaiter)
    } else {
      AwaiterPool.discard(awaiter)
    }
    return try Self.count(result)
  }

  @inline(__always)
  nonisolated(nonsending) private func awaitRequest(
    _ make: @Sendable (AIOEngine, @escaping Completion) -> AIORequest, _ awaiter: Awaiter?
  ) async -> Int {
    // withUnsafeContinuation without its `isolated` parameter, whose switch before the suspension costs a lock of the task's.
    await _unsafeInheritExecutor_withUnsafeContinuation {
      (continuation: UnsafeContinuation<Int, Never>) in
      if let awaiter, awaiter.pointee.gate.isCancelled {
        continuation.resume(returning: -Int(Errno.canceled.rawValue))
        return
      }
      // Put there before the request is made: one that makes its batch full goes out at once, and may be a worker's then.
      io.nextToTake.pointee.awaiter = continuation
      let request = make(self, ignoredCompletion)
      let target = CancellationGate.Target(
        address: UnsafeMutableRawPointer(request.node), generation: request.generation)
      if let awaiter, awaiter.pointee.gate.begun(target) { request.cancel() }
    }
  }

  @inline(__always)
  private static func count(_ result: Int) throws(Errno) -> Int {
    if result < 0 { throw Errno(rawValue: CInt(-result)) }
    return result
  }
}

/// What stands in a request that a task awaits.
private let ignoredCompletion: AIOEngine.Completion = { _ in }

extension ContextIO {
  /// Whether the calling thread may make requests.
  @inline(__always)
  var isAtHome: Bool {
    !isClosed && context._withUnsafeGuaranteedRef { $0.isHomeThread }
  }
}
