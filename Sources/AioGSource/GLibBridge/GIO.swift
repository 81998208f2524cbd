// GIO's asynchronous functions as async calls: `…_async` and `…_finish` in, one `await` out.
//
// A call is started on the calling thread, in the caller's isolation, before anything suspends; GIO calls back in the
// thread-default main context that was in force there. So whoever runs that context has to be there for the call to
// end, cancelled or not. The callback finishes the operation on the thread that runs the context, as a C program
// would, and only then resumes the task, which goes on wherever its executor says.
//
// The task is resumed exactly once, whenever the callback comes: before the start has returned, too.

import CGLib

/// Awaiting GIO.
public enum GIO {
  /// Where a `…_finish` function reports an error.
  public typealias ErrorPointer = UnsafeMutablePointer<UnsafeMutablePointer<GError>?>

  /// Calls a `…_async` function: with the source object, and as its last three arguments what it is given here.
  public typealias Start<Source> = (
    _ source: Source, _ cancellable: UnsafeMutablePointer<GCancellable>,
    _ callback: @escaping GAsyncReadyCallback, _ data: UnsafeMutableRawPointer
  ) -> Void

  /// Calls the `…_finish` function. What it returns is the caller's from then on; if it reports an error it is
  /// dropped.
  public typealias Finish<Source, Value> = (
    _ source: Source, _ result: OpaquePointer, _ error: ErrorPointer
  ) -> Value

  /// Calls a pair of an object's, and waits for its end.
  ///
  /// ```swift
  /// let stream = try await GIO.call(file) { file, cancellable, callback, data in
  ///   g_file_read_async(file, G_PRIORITY_DEFAULT, cancellable, callback, data)
  /// } finish: { file, result, error in
  ///   g_file_read_finish(file, result, error)
  /// }
  /// ```
  ///
  /// Cancelling the task cancels the operation, by the cancellable, from whatever thread; the await ends when the
  /// operation has. A task that was cancelled before does not start it. Nothing ends a call whose main context nobody
  /// runs.
  ///
  /// - Parameters:
  ///   - source: the object; it is kept alive until the call is over.
  ///   - start: runs at once, on the calling thread.
  ///   - finish: runs on the thread that runs the main context which was the calling thread's default.
  /// - Throws: what `finish` reports; `G_IO_ERROR_CANCELLED` for a task that was cancelled before the start.
  public static func call<Source: GObjectPointer, Value>(
    _ source: Source,
    isolation: isolated (any Actor)? = #isolation,
    start: Start<Source>,
    finish: sending @escaping Finish<Source, Value>
  ) async throws(GLibError) -> sending Value {
    let call = GIOCall(source, object: source.gobject, finish: finish)
    await call.run(isolation: isolation) { call.start(start) }
    return try call.value()
  }

  /// The same for a pair that belongs to no object, `g_bus_get` for one.
  public static func call<Value>(
    isolation: isolated (any Actor)? = #isolation,
    start: (
      _ cancellable: UnsafeMutablePointer<GCancellable>, _ callback: @escaping GAsyncReadyCallback,
      _ data: UnsafeMutableRawPointer
    ) -> Void,
    finish: sending @escaping (_ result: OpaquePointer, _ error: ErrorPointer) -> Value
  ) async throws(GLibError) -> sending Value {
    let call = GIOCall((), object: nil) { finish($1, $2) }
    await call.run(isolation: isolation) { call.start { start($1, $2, $3) } }
    return try call.value()
  }
}
