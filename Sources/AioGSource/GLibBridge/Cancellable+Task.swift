// From a task's cancellation to a GCancellable's.

extension Cancellable {
  /// Runs `body` with a new cancellable that is cancelled when the task is, or at once if it is already.
  ///
  /// The body runs in the caller's isolation. Whoever cancels the task cancels the cancellable before `Task.cancel()`
  /// returns, so handlers of "cancelled" run on his thread, with locks of the task held: they must not wait for the
  /// task. Once this has returned, the task's cancellation does not reach the cancellable any more.
  ///
  /// ```swift
  /// try await Cancellable.withTaskCancellation { cancellable in
  ///   try await copyInAThread(source, destination, cancellable.pointer)
  /// }
  /// ```
  public static func withTaskCancellation<Result, Failure: Error>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: (Cancellable) async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    let cancellable = Cancellable()
    let outcome: Swift.Result<Result, Failure> = await withTaskCancellationHandler(
      operation: {
        do throws(Failure) {
          return .success(try await body(cancellable))
        } catch {
          return .failure(error)
        }
      },
      onCancel: { cancellable.cancel() },
      isolation: isolation)
    return try outcome.get()
  }
}
