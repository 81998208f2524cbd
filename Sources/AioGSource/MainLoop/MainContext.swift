// GLib's main context and main loop, as thin as they can be: a reference, and the calls a program with a context needs.
// Anything else is reached through `pointer`, which is what other GLib bindings for Swift hold too.

import CGLib

/// A reference on a `GMainContext`.
public final class MainContext: @unchecked Sendable {
  /// The `GMainContext *`, valid for as long as this object lives.
  public let pointer: OpaquePointer

  /// A new context.
  public init() {
    pointer = g_main_context_new()
  }

  /// Somebody else's context, of which this object takes a reference of its own.
  public init(retaining pointer: OpaquePointer) {
    self.pointer = g_main_context_ref(pointer)
  }

  deinit {
    g_main_context_unref(pointer)
  }

  /// The process's default context: the one that GTK and `g_main_loop_new(NULL, …)` run.
  public static var `default`: MainContext {
    MainContext(retaining: g_main_context_default())
  }

  /// The calling thread's default context: what was pushed last, or the process's.
  public static var threadDefault: MainContext {
    let pointer = g_main_context_ref_thread_default()!
    defer { g_main_context_unref(pointer) }
    return MainContext(retaining: pointer)
  }

  /// Runs one iteration; true if a source was dispatched. The thread that owns the context, or could.
  @discardableResult
  public func iteration(mayBlock: Bool) -> Bool {
    g_main_context_iteration(pointer, mayBlock ? 1 : 0) != 0
  }

  /// Whether a source is ready.
  public var isPending: Bool {
    g_main_context_pending(pointer) != 0
  }

  /// Ends the iteration that another thread is blocked in. Any thread.
  public func wakeUp() {
    g_main_context_wakeup(pointer)
  }

  /// Has this be the calling thread's default context while `body` runs.
  public func withThreadDefault<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    g_main_context_push_thread_default(pointer)
    defer { g_main_context_pop_thread_default(pointer) }
    return try body()
  }
}
