// From a GCancellable's cancellation to a task's: a child task that listens to the signal "cancelled" while it runs.
//
// The handler may run on any thread, and at any moment until the task has ended. `g_cancellable_disconnect` would wait
// for handlers that are under way, those of others included, and for ever if the task ended inside one of them; so the
// handler is disconnected without waiting, and the link decides whether there still is a task to cancel.

import CGLib

/// Runs `body` as a child task that is cancelled when `cancellable` is, or at once if it is already; and, as any child,
/// when the calling task is. The calling task is not cancelled by it.
///
/// Any thread may cancel `cancellable`, the body itself included; the child is cancelled before that returns. When this
/// returns, nothing is connected to the cancellable any more. The body has the calling task's executor preference,
/// priority and task-local values; for an actor's isolation, mark the closure, `@MainActor` for one. A cancellation
/// handler of the body must not run the child to its end, by iterating a main context for one: that traps.
///
/// - Parameters:
///   - cancellable: nil, as C has it, for none.
///   - body: what the child does.
public func withCancellable<Result: Sendable, Failure: Error>(
  _ cancellable: Cancellable?,
  _ body: @escaping @Sendable () async throws(Failure) -> Result
) async throws(Failure) -> Result {
  guard let cancellable else { return try await body() }
  let outcome = await withTaskGroup(of: Swift.Result<Result, Failure>.self) { group in
    group.addTask {
      let link = CancellationLink()
      // The task that this is; the link forgets it before it ends.
      withUnsafeCurrentTask { link.begin($0!) }
      let handler = link.connect(to: cancellable)
      defer {
        link.end()
        if handler != 0 { g_signal_handler_disconnect(cancellable.pointer, handler) }
      }
      do throws(Failure) {
        return .success(try await body())
      } catch {
        return .failure(error)
      }
    }
    return await group.next()!
  }
  return try outcome.get()
}
