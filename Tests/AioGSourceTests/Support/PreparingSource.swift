// A GSource of the tests' own that runs a closure once in its prepare function, and is never ready.

import AioGSource
import CGLib

final class PreparingSource: @unchecked Sendable {
  private struct Layout {
    var base: GSource
    var owner: UnsafeMutableRawPointer?
  }

  var onPrepare: (() -> Void)?
  private var source: UnsafeMutablePointer<GSource>?

  init(attachedTo context: MainContext) {
    let source = g_source_new(Self.functions, guint(MemoryLayout<Layout>.stride))!
    UnsafeMutableRawPointer(source).assumingMemoryBound(to: Layout.self).pointee.owner =
      Unmanaged.passUnretained(self).toOpaque()
    self.source = source
    g_source_attach(source, context.pointer)
  }

  func destroy() {
    guard let source else { return }
    g_source_destroy(source)
    g_source_unref(source)
    self.source = nil
  }

  deinit { destroy() }

  nonisolated(unsafe) private static let functions: UnsafeMutablePointer<GSourceFuncs> = {
    let functions = UnsafeMutablePointer<GSourceFuncs>.allocate(capacity: 1)
    functions.initialize(to: GSourceFuncs())
    functions.pointee.prepare = { source, timeout in
      timeout?.pointee = -1
      let layout = UnsafeMutableRawPointer(source!).assumingMemoryBound(to: Layout.self)
      let owner = Unmanaged<PreparingSource>.fromOpaque(layout.pointee.owner!)
        .takeUnretainedValue()
      let action = owner.onPrepare
      owner.onPrepare = nil
      action?()
      return 0
    }
    return functions
  }()
}
