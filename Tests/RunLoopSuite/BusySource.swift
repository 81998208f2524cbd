// A GSource that is always ready.

import CGLib

@MainActor final class BusySource {
  private let source: UnsafeMutablePointer<GSource>

  init() {
    source = g_source_new(Self.functions, guint(MemoryLayout<GSource>.stride))
    g_source_attach(source, nil)
  }

  private static let functions: UnsafeMutablePointer<GSourceFuncs> = {
    let functions = UnsafeMutablePointer<GSourceFuncs>.allocate(capacity: 1)
    functions.initialize(to: GSourceFuncs())
    functions.pointee.prepare = { _, _ in 1 }
    functions.pointee.dispatch = { _, _, _ in 1 }
    return functions
  }()

  func destroy() {
    g_source_destroy(source)
    g_source_unref(source)
  }
}
