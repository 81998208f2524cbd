// Calling a GIO pair from any executor on the thread that owns a main context: for objects that live there, a GTK
// dialog or a connection that a main thread uses.

import CGLib

extension GIO {
  /// Calls a pair of an object's on the thread that owns `context`, and waits for its end. From any thread.
  ///
  /// The same as ``call(_:isolation:start:finish:)``, but both `start` and `finish` run on the thread that runs
  /// `context`, with `context` as its thread-default one: at once if the calling thread owns it, else in one of its
  /// iterations. A task that is cancelled before that ends at once, and nothing is started.
  public static func call<Source: GObjectPointer, Value>(
    _ source: Source, on context: MainContext,
    isolation: isolated (any Actor)? = #isolation,
    start: sending @escaping Start<Source>,
    finish: sending @escaping Finish<Source, Value>
  ) async throws(GLibError) -> sending Value {
    let call = GIOCall(source, object: source.gobject, finish: finish)
    let request = GIOStartRequest(call, on: context, start)
    await call.run(isolation: isolation) { request.perform() }
    return try call.value()
  }

  /// The same for a pair that belongs to no object.
  public static func call<Value>(
    on context: MainContext,
    isolation: isolated (any Actor)? = #isolation,
    start:
      sending @escaping (
        _ cancellable: UnsafeMutablePointer<GCancellable>,
        _ callback: @escaping GAsyncReadyCallback,
        _ data: UnsafeMutableRawPointer
      ) -> Void,
    finish: sending @escaping (_ result: OpaquePointer, _ error: ErrorPointer) -> Value
  ) async throws(GLibError) -> sending Value {
    let call = GIOCall((), object: nil) { finish($1, $2) }
    let request = GIOStartRequest(call, on: context) { start($1, $2, $3) }
    await call.run(isolation: isolation) { request.perform() }
    return try call.value()
  }
}
