// The GSource subclass: a struct that begins with GLib's, and the functions GLib calls through.
//
// The source holds a reference on its context until it is finalized, not only until it is destroyed: GLib may be in
// one of our functions, on the home thread, while another thread destroys the source, and then GLib's own reference on
// the source is what keeps the context alive under it. The context holds none on the source, so there is no cycle; it
// forgets the address in dispose, where GLib promises that the source is still whole.

import CGLib
import CLiburing

struct LoopSource {
  var base: GSource
  /// Retained: an AioContext.
  var owner: UnsafeMutableRawPointer?
  /// Retained: a SourcePollRecords.
  var records: UnsafeMutableRawPointer?

  static func make(for context: AioContext) -> UnsafeMutablePointer<GSource> {
    let source = g_source_new(functions, guint(MemoryLayout<LoopSource>.stride))!
    let tail = view(source)
    tail.pointee.owner = Unmanaged.passRetained(context).toOpaque()
    tail.pointee.records = Unmanaged.passRetained(SourcePollRecords()).toOpaque()
    // Nested main loops must reach it; and without this GLib takes the source out of its poll set and puts it back
    // around every dispatch, three system calls each time.
    g_source_set_can_recurse(source, 1)
    g_source_set_name(source, "AioContext \(context.name)")
    g_source_set_dispose_function(source) { source in
      guard let source else { return }
      LoopSource.owner(of: source)._withUnsafeGuaranteedRef {
        // Acquires what GLib's calls left, see `call`.
        _ = $0.sourceWasLeft.load(ordering: .acquiring)
        $0.forget(source)
      }
    }
    return source
  }

  static func records(of source: UnsafeMutablePointer<GSource>) -> SourcePollRecords? {
    view(source).pointee.records.map {
      Unmanaged<SourcePollRecords>.fromOpaque($0).takeUnretainedValue()
    }
  }

  @inline(__always)
  private static func view(
    _ source: UnsafeMutablePointer<GSource>
  ) -> UnsafeMutablePointer<LoopSource> {
    UnsafeMutableRawPointer(source).assumingMemoryBound(to: LoopSource.self)
  }

  @inline(__always)
  private static func owner(of source: UnsafeMutablePointer<GSource>) -> Unmanaged<AioContext> {
    .fromOpaque(view(source).pointee.owner.unsafelyUnwrapped)
  }

  /// Makes a call of GLib's on the context. Its end is released to dispose and finalize, which another thread may run:
  /// GLib's reference count orders them too, but by means of its own, which no sanitizer sees.
  @inline(__always)
  private static func call<Result>(
    _ source: UnsafeMutablePointer<GSource>, _ body: (AioContext) -> Result
  ) -> Result {
    owner(of: source)._withUnsafeGuaranteedRef { context in
      let result = body(context)
      context.sourceWasLeft.store(true, ordering: .releasing)
      return result
    }
  }

  /// Never freed: GLib keeps the address for as long as there are sources.
  nonisolated(unsafe) private static let functions: UnsafeMutablePointer<GSourceFuncs> = {
    let functions = UnsafeMutablePointer<GSourceFuncs>.allocate(capacity: 1)
    functions.initialize(to: GSourceFuncs())
    functions.pointee.prepare = { source, timeout in
      LoopSource.call(source!) { $0.sourcePrepare(timeout!) ? 1 : 0 }
    }
    functions.pointee.check = { source in
      LoopSource.call(source!) { $0.sourceCheck() ? 1 : 0 }
    }
    functions.pointee.dispatch = { source, _, _ in
      LoopSource.call(source!) { $0.sourceDispatch() }
      return 1
    }
    functions.pointee.finalize = { source in
      let tail = LoopSource.view(source!)
      let records = tail.pointee.records.map { Unmanaged<SourcePollRecords>.fromOpaque($0) }
      let owner = tail.pointee.owner.map { Unmanaged<AioContext>.fromOpaque($0) }
      tail.pointee.records = nil
      tail.pointee.owner = nil
      records?.release()
      // Last: it may take the context with it.
      owner?.release()
    }
    return functions
  }()
}
