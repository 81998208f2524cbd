// GLib's cancellation as an object that tasks may share. Any thread.
//
// What joins it to a task's cancellation, in both directions, stands in the two files beside this one.

import CGLib

/// A reference on a `GCancellable`: what GIO's operations are told to stop by.
public final class Cancellable: @unchecked Sendable {
  /// The `GCancellable *`, valid for as long as this object lives.
  public let pointer: UnsafeMutablePointer<GCancellable>

  /// A new one, not cancelled.
  public init() {
    pointer = g_cancellable_new()
  }

  /// Somebody else's, of which this object takes a reference of its own.
  public init(retaining pointer: UnsafeMutablePointer<GCancellable>) {
    g_object_ref(pointer)
    self.pointer = pointer
  }

  deinit {
    g_object_unref(pointer)
  }

  /// Cancels whatever uses it, for good. Any thread.
  ///
  /// Handlers of its signal "cancelled" run before this returns, on the calling thread. Again: nothing happens.
  public func cancel() {
    g_cancellable_cancel(pointer)
  }

  /// Whether it was cancelled. Any thread.
  public var isCancelled: Bool {
    g_cancellable_is_cancelled(pointer) != 0
  }

  /// Throws `G_IO_ERROR_CANCELLED` if it was cancelled. Any thread.
  public func checkCancellation() throws(GLibError) {
    try withGLibError { _ = g_cancellable_set_error_if_cancelled(pointer, $0) }
  }
}
