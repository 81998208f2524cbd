// GTK's C interface made a little handier: casts, and signals that call Swift closures. GTK calls on the main thread, which
// is the main actor's. Main actor.

import CGtk4

typealias Widget = UnsafeMutablePointer<GtkWidget>

/// The same object as another class of its hierarchy: what GTK_WINDOW() and its like are in C.
func of<Object, Class>(_ object: UnsafeMutablePointer<Object>) -> UnsafeMutablePointer<Class> {
  UnsafeMutableRawPointer(object).assumingMemoryBound(to: Class.self)
}

/// The same, for a class of which the headers do not tell what is in it.
func of<Object>(_ object: UnsafeMutablePointer<Object>) -> OpaquePointer {
  OpaquePointer(object)
}

/// The other way round.
func of<Class>(_ object: OpaquePointer) -> UnsafeMutablePointer<Class> {
  UnsafeMutablePointer(object)
}

/// A closure that GTK holds.
@MainActor private final class Handler {
  let body: () -> Bool
  init(_ body: @escaping () -> Bool) { self.body = body }
}

private let callHandler: @convention(c) (gpointer) -> gboolean = { data in
  nonisolated(unsafe) let data = data
  return MainActor.assumeIsolated {
    Unmanaged<Handler>.fromOpaque(data).takeUnretainedValue().body() ? 1 : 0
  }
}

/// Lets go of what was retained for a signal's handler.
let releaseClosure: GClosureNotify = { data, _ in
  Unmanaged<AnyObject>.fromOpaque(data!).release()
}

/// Has a signal of an object's call `body`, which answers what the signal asks: for most, nothing. Until the object is gone.
@MainActor func connect(
  _ object: UnsafeMutableRawPointer, _ signal: String, answering body: @escaping () -> Bool
) {
  // Swapped: the data comes first, and whatever arguments the signal has come after.
  g_signal_connect_data(
    object, signal, unsafeBitCast(callHandler, to: GCallback.self),
    Unmanaged.passRetained(Handler(body)).toOpaque(), releaseClosure, G_CONNECT_SWAPPED)
}

@MainActor func connect(
  _ object: UnsafeMutableRawPointer, _ signal: String, _ body: @escaping () -> Void
) {
  connect(
    object, signal,
    answering: {
      body()
      return false
    })
}

/// Calls `body` in every frame of a widget's, with its frame clock, until the result is given to
/// `gtk_widget_remove_tick_callback`.
@MainActor func onEachFrame(
  of widget: Widget, _ body: @escaping (OpaquePointer) -> Void
) -> guint {
  gtk_widget_add_tick_callback(
    widget,
    { _, clock, data in
      nonisolated(unsafe) let (clock, data) = (clock!, data!)
      MainActor.assumeIsolated {
        Unmanaged<FrameHandler>.fromOpaque(data).takeUnretainedValue().body(clock)
      }
      return 1
    }, Unmanaged.passRetained(FrameHandler(body)).toOpaque(),
    { Unmanaged<AnyObject>.fromOpaque($0!).release() })
}

@MainActor private final class FrameHandler {
  let body: (OpaquePointer) -> Void
  init(_ body: @escaping (OpaquePointer) -> Void) { self.body = body }
}
