// GObjects that tests watch.

import AioGSource
import CGLib

/// Owns one reference on an object, and knows when the object is finalized.
final class WatchedObject: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<GObject>
  private let gone = Flag()
  private let isOwned = Box(true)

  /// An object that does nothing.
  init() {
    pointer = g_menu_new()!.gobject
    g_object_weak_ref(
      pointer,
      { data, _ in
        Unmanaged<Flag>.fromOpaque(data!).takeRetainedValue().set()
      }, Unmanaged.passRetained(gone).toOpaque())
  }

  /// Gives up the reference.
  func letGo() {
    isOwned.update { owned in
      if owned { g_object_unref(pointer) }
      owned = false
    }
  }

  var isGone: Bool { gone.isSet }

  deinit { letGo() }
}

extension Cancellable {
  /// How many references there are.
  var references: guint { UnsafePointer(pointer).pointee.parent_instance.ref_count }

  /// Whether anybody listens to "cancelled".
  var isListenedTo: Bool {
    let signal = g_signal_lookup("cancelled", g_cancellable_get_type())
    return g_signal_has_handler_pending(pointer, signal, 0, 1) != 0
  }

  /// Has `body` be called in the cancellation, by who cancels.
  func onCancelled(_ body: @escaping @Sendable () -> Void) -> gulong {
    let handler: @convention(c) (UnsafeMutablePointer<GCancellable>?, gpointer?) -> Void = {
      CallbackBody.run($1)
    }
    return g_cancellable_connect(
      pointer, unsafeBitCast(handler, to: GCallback.self), CallbackBody.retained(body),
      { CallbackBody.release($0) })
  }
}
