// GLib's main loop: a main context that is run until it is told to quit.

import CGLib

/// A reference on a `GMainLoop`.
public final class MainLoop: @unchecked Sendable {
  /// The `GMainLoop *`, valid for as long as this object lives.
  public let pointer: OpaquePointer

  /// A new loop over a context; nil for the default one.
  public init(_ context: MainContext? = nil) {
    pointer = g_main_loop_new(context?.pointer, 0)
  }

  /// Somebody else's loop, of which this object takes a reference of its own.
  public init(retaining pointer: OpaquePointer) {
    self.pointer = g_main_loop_ref(pointer)
  }

  deinit {
    g_main_loop_unref(pointer)
  }

  /// Runs the loop until ``quit()``. From a callback too: loops nest.
  public func run() {
    g_main_loop_run(pointer)
  }

  /// Has ``run()`` return. Any thread.
  public func quit() {
    g_main_loop_quit(pointer)
  }

  /// Whether the loop is being run.
  public var isRunning: Bool {
    g_main_loop_is_running(pointer) != 0
  }

  /// The context it runs.
  public var context: MainContext {
    MainContext(retaining: g_main_loop_get_context(pointer))
  }
}
