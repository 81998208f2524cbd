// A call that the thread which owns a main context is to start: there and then if that is the calling thread, else by
// a source of that context. Not by g_main_context_invoke, which runs on the calling thread where nobody owns the
// context at that moment, as before a main loop is entered.
//
// The source's data holds the request, and the request does not hold the main context, or neither would ever go if
// nobody runs it. The task does while it waits; so a source that is destroyed before it was dispatched belongs to a
// call that was cancelled.

import CGLib

/// What a C function can call, whatever the pair's types are.
class AnyGIOStartRequest: @unchecked Sendable {
  private let handOver = HandOver()

  func start() {}
  func drop() {}

  fileprivate func attach(to context: OpaquePointer) {
    let source = g_idle_source_new()!
    g_source_set_priority(source, G_PRIORITY_DEFAULT)
    g_source_set_name(source, "start of a GIO call")
    g_source_set_callback(
      source,
      { data in
        let request = Unmanaged<AnyGIOStartRequest>.fromOpaque(data!).takeUnretainedValue()
        request.handOver.receive()
        request.start()
        return G_SOURCE_REMOVE
      }, Unmanaged.passRetained(self).toOpaque(),
      { data in
        let request = Unmanaged<AnyGIOStartRequest>.fromOpaque(data!).takeRetainedValue()
        request.handOver.receive()
        request.drop()
      })
    handOver.give()
    g_source_attach(source, context)
    g_source_unref(source)
  }
}

final class GIOStartRequest<Source, Value>: AnyGIOStartRequest, @unchecked Sendable {
  private let call: GIOCall<Source, Value>
  private let context: OpaquePointer
  /// The calling thread's until the source is attached, then that of the thread which owns the context.
  private var body: GIO.Start<Source>?

  init(
    _ call: GIOCall<Source, Value>, on context: MainContext,
    _ body: sending @escaping GIO.Start<Source>
  ) {
    self.call = call
    self.context = context.pointer
    self.body = body
  }

  /// The calling thread.
  func perform() {
    if g_main_context_is_owner(context) != 0 {
      start()
    } else {
      attach(to: context)
    }
  }

  override func start() {
    guard let body = body.take() else { return }
    g_main_context_push_thread_default(context)
    defer { g_main_context_pop_thread_default(context) }
    call.start(body)
  }

  override func drop() {
    if body.take() != nil { call.releaseObject() }
  }
}
