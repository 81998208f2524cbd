// Attaching a context to GLib: its GSource, made when first asked for, and anew once it was destroyed. A GSource can be
// attached once in its life. Any thread.

import CGLib
import CLiburing

extension AioContext {
  /// The context as a GSource, with a reference that the caller has to give back with `g_source_unref`.
  ///
  /// Attach it with `g_source_attach`, or hand it to whoever does. A source that is referenced or attached keeps the
  /// context alive; that ends with `g_source_destroy`, whoever calls it, and the last reference. Asking for it has no
  /// side effect: the monitor stays what it is. Stands for `aio_get_g_source`.
  public var gSource: UnsafeMutablePointer<GSource> {
    handlers.lock.withLock { currentSource() }
  }

  /// Attaches the context to a GMainContext, whose iterations then run it. Not while another thread is in an iteration
  /// of one that it was attached to before.
  ///
  /// - Parameters:
  ///   - mainContext: nil for the default one.
  ///   - priority: GLib's: smaller goes first.
  /// - Throws: ``AioError/alreadyAttached``.
  public func attach(to mainContext: MainContext? = nil, priority: CInt = G_PRIORITY_DEFAULT)
    throws(AioError)
  {
    let source = gSource
    defer { g_source_unref(source) }
    if g_source_get_context(source) != nil { throw .alreadyAttached }
    g_source_set_priority(source, priority)
    g_source_attach(source, mainContext?.pointer)
  }

  /// Detaches the context from its GMainContext, by destroying the GSource. From a callback too. Harmless if it is not
  /// attached.
  public func detach() {
    let source = handlers.lock.withLock { self.source.flatMap { g_source_ref($0) } }
    guard let source else { return }
    g_source_destroy(source)
    g_source_unref(source)
  }

  /// Whether the context is attached to a GMainContext.
  public var isAttached: Bool {
    handlers.lock.withLock {
      guard let source, g_source_is_destroyed(source) == 0 else { return false }
      return g_source_get_context(source) != nil
    }
  }

  /// Has the GMainContext that the context is attached to go round again.
  func wakeUpGLib() {
    handlers.lock.withLock {
      guard let source, g_source_is_destroyed(source) == 0 else { return }
      if let mainContext = g_source_get_context(source) { g_main_context_wakeup(mainContext) }
    }
  }

  /// With the lock held; the caller owns the reference.
  private func currentSource() -> UnsafeMutablePointer<GSource> {
    if let source {
      if g_source_is_destroyed(source) == 0 { return g_source_ref(source) }
      handlers.monitor.detach(from: source, handlers: handlers)
    }
    let source = LoopSource.make(for: self)
    self.source = source
    handlers.monitor.attach(
      to: source, records: LoopSource.records(of: source)!, handlers: handlers)
    return source
  }

  /// The source is about to be finalized.
  func forget(_ source: UnsafeMutablePointer<GSource>) {
    handlers.lock.withLock {
      if self.source != source { return }
      handlers.monitor.detach(from: source, handlers: handlers)
      self.source = nil
    }
  }
}
