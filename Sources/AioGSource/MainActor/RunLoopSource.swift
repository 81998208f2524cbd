// The GSources of Foundation's run loop, see RunLoopSchedule. Main thread only.

import CGLib

struct RunLoopSource {
  enum Role: gint {
    /// Is asked in every iteration, because nothing is more urgent, and is never ready.
    case observer
    /// Watches the descriptor, or the deadline that stands in for it.
    case wakeUps
    case turn
  }

  var base: GSource
  /// What GLib calls the descriptor by; null where there is none.
  var tag: gpointer?
  var role: gint

  static func make(
    _ role: Role, priority: CInt, descriptor: CInt? = nil
  ) -> UnsafeMutablePointer<GSource> {
    let source = g_source_new(functions, guint(MemoryLayout<RunLoopSource>.stride))!
    view(source).pointee.role = role.rawValue
    if let descriptor {
      view(source).pointee.tag = g_source_add_unix_fd(source, descriptor, G_IO_IN)
    }
    g_source_set_name(source, "Foundation run loop, \(role)")
    g_source_set_priority(source, priority)
    // Nested main loops must reach it.
    g_source_set_can_recurse(source, 1)
    return source
  }

  private static func view(
    _ source: UnsafeMutablePointer<GSource>
  ) -> UnsafeMutablePointer<RunLoopSource> {
    UnsafeMutableRawPointer(source).assumingMemoryBound(to: RunLoopSource.self)
  }

  private static func role(_ source: UnsafeMutablePointer<GSource>) -> Role {
    Role(rawValue: view(source).pointee.role).unsafelyUnwrapped
  }

  /// Never freed: GLib keeps the address for as long as there are sources.
  nonisolated(unsafe) private static let functions: UnsafeMutablePointer<GSourceFuncs> = {
    let functions = UnsafeMutablePointer<GSourceFuncs>.allocate(capacity: 1)
    functions.initialize(to: GSourceFuncs())
    functions.pointee.prepare = { source, timeout in
      timeout!.pointee = -1
      let isReady =
        switch RunLoopSource.role(source!) {
        case .observer: false
        case .wakeUps:
          MainRunLoop.shared.schedule.isOverdue || MainRunLoop.shared.prepareDeadline(timeout!)
        case .turn: MainRunLoop.shared.schedule.isTurnDue
        }
      return isReady ? 1 : 0
    }
    functions.pointee.check = { source in
      switch RunLoopSource.role(source!) {
      case .observer:
        MainRunLoop.shared.schedule.iterationPolled()
        return 0
      case .wakeUps:
        guard let tag = RunLoopSource.view(source!).pointee.tag else { return 0 }
        return g_source_query_unix_fd(source, tag).rawValue != 0 ? 1 : 0
      case .turn:
        return 0
      }
    }
    functions.pointee.dispatch = { source, _, _ in
      MainRunLoop.shared.pass(isTurn: RunLoopSource.role(source!) == .turn)
      return 1
    }
    return functions
  }()
}
