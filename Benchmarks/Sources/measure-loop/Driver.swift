// A context, and what runs a pass of it: itself, or a GMainContext of its own that it is attached to.

import AioGSource

enum Driver {
  case poll
  case glib
}

struct Loop {
  let context: AioContext
  private let main: MainContext?

  init(_ driver: Driver, configuration: AioContext.Configuration = .init()) throws {
    context = try AioContext(name: "measured", configuration: configuration)
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
