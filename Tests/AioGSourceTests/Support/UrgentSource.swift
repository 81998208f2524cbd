// A GLib source of high priority that becomes ready during the iteration, after lower ones were prepared.

import AioGSource
import CGLib

/// Ready at once, and gone after one call.
func urgentSource(_ callback: Box<() -> Void>) -> UnsafeMutablePointer<GSource> {
  let source = g_timeout_source_new(1)!
  g_source_set_priority(source, G_PRIORITY_HIGH)
  g_source_set_callback(
    source,
    { data in
      Unmanaged<Box<() -> Void>>.fromOpaque(data!).takeUnretainedValue().value()
      return 0
    }, Unmanaged.passRetained(callback).toOpaque(),
    { Unmanaged<AnyObject>.fromOpaque($0!).release() })
  return source
}

/// Gives the source to the context, which frees it when it is done.
func attach(_ source: UnsafeMutablePointer<GSource>, to context: MainContext) {
  g_source_attach(source, context.pointer)
  g_source_unref(source)
}
