// A context, and what runs a pass of it: itself, or a GMainContext of its own that it is attached to.

import AioGSource
import Measuring

enum Driver {
  case poll
  case glib
}

struct Loop {
  let context: AioContext
  private let main: MainContext?

  init(_ driver: Driver) throws {
    context = try AioContext(
      name: "measured", configuration: .init(monitor: try monitorOfCommandLine()))
    main = driver == .glib ? MainContext() : nil
    if let main { try context.attach(to: main) }
  }

  /// One pass, or one iteration of GLib's.
  @inline(__always)
  func iterate(blocking: Bool) {
    if let main {
      main.iteration(mayBlock: blocking)
    } else {
      context.poll(blocking: blocking)
    }
  }
}

/// What --monitor demands: for looking into a row, none of the suite's has it.
private func monitorOfCommandLine() throws -> AioContext.MonitorSelection {
  guard let name = Arguments.value(of: "--monitor") else { return .automatic }
  guard let kind = MonitorKind(rawValue: name) else { fail("there is no monitor '\(name)'") }
  return .demanded(kind)
}
