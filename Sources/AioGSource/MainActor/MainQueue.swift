// The Dispatch main queue under GLib: a GSource on its descriptor. Where the toolchain has no main executor of ours, this is
// what runs `@MainActor` code, for the runtime puts that on the main queue. Main thread only.
//
// The descriptor is read before libdispatch is called: what is enqueued from there on makes it readable again, so that no
// wake-up is lost between the two.

import CGLib
import CSwiftRuntime
// Links libdispatch.
import Dispatch
import Glibc

final class MainQueue: MainThreadService {
  /// The process has one, whatever GMainContext serves it: a drain may be under way when another installation follows.
  nonisolated(unsafe) static let shared = MainQueue()

  private let descriptor: CInt
  private let thread = pthread_self()
  private var drain = MainQueueDrain()
  private var repetition = DrainRepetition()
  private var source: UnsafeMutablePointer<GSource>?

  private init() {
    descriptor = _dispatch_get_main_queue_handle_4CF()
  }

  func attach(to mainContext: MainContext, priority: CInt) {
    let source = g_unix_fd_source_new(descriptor, G_IO_IN)!
    let callback: GUnixFDSourceFunc = { _, _, _ in
      MainQueue.shared.serve()
      return 1
    }
    g_source_set_callback(source, unsafeBitCast(callback, to: GSourceFunc.self), nil, nil)
    g_source_set_name(source, "Dispatch main queue")
    g_source_set_priority(source, priority)
    // Nested main loops must reach it.
    g_source_set_can_recurse(source, 1)
    g_source_attach(source, mainContext.pointer)
    self.source = source
    // For what was enqueued before.
    signal()
  }

  func detach() {
    guard let source else { return }
    self.source = nil
    g_source_destroy(source)
    g_source_unref(source)
  }

  private func serve() {
    precondition(
      pthread_equal(thread, pthread_self()) != 0,
      """
      a GMainContext that serves the main actor was run by another thread than the main thread; \
      install the MainActorBridge on one that the main thread runs
      """)
    let served = source
    _ = takeSignal()
    var end: gint64?
    while true {
      switch drain.becameReadable() {
      case .remember: return
      case .drain: _dispatch_main_queue_callback_4CF(nil)
      }
      if drain.drainEnded() { return signal() }
      // A job may have removed the bridge, and installed it elsewhere.
      if source != served || !repetition.shouldLook() { return }
      if let end, g_get_monotonic_time() >= end { return }
      let found = takeSignal()
      repetition.looked(found: found)
      if !found { return }
      if end == nil { end = g_get_monotonic_time() + DrainRepetition.maximumTime }
    }
  }

  /// True if there was one.
  private func takeSignal() -> Bool {
    var count: UInt64 = 0
    return read(descriptor, &count, MemoryLayout<UInt64>.size) > 0
  }

  /// Has the source run in the next iteration.
  private func signal() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
  }

  // MARK: What the run loop tells

  func runLoopPassBegan() {
    drain.runLoopPassBegan()
  }

  func runLoopPassEnded() {
    if drain.runLoopPassEnded() { signal() }
  }
}
