// Rows fd.dispatch.*, glib.iteration.* and glib.contexts.*.

import AioGSource
import Glibc
import Measuring

/// Eventfds with a handler each that reads it and counts.
struct Watched {
  let notifiers: [EventNotifier]
  let ran = Counter()

  /// Of as many descriptors, each watched by what `context` answers for it.
  init(_ count: Int, context: (Int) -> AioContext) throws {
    notifiers = try (0..<count).map { _ in try EventNotifier() }
    let ran = ran
    for (index, notifier) in notifiers.enumerated() {
      let descriptor = notifier.fileDescriptor
      try context(index).setHandler(
        for: descriptor,
        onReadable: {
          var value: UInt64 = 0
          check(read(descriptor.rawValue, &value, 8) == 8, "an event could not be read")
          ran.count += 1
        })
    }
  }

  /// Nanoseconds from writing the one in the middle until its handler has read it. It is always the same one: what is
  /// measured is what the others add.
  func oneActive(_ iterate: () -> Void) -> Double {
    let active = notifiers[notifiers.count / 2].fileDescriptor.rawValue
    return perOperation { count in
      ran.count = 0
      for done in 0..<count {
        var one: UInt64 = 1
        check(write(active, &one, 8) == 8, "an event could not be written")
        while ran.count == done { iterate() }
      }
      check(ran.count == count, "\(ran.count) events of \(count) were handled")
    }
  }

  func stop(context: (Int) -> AioContext) {
    for (index, notifier) in notifiers.enumerated() { context(index).removeHandler(for: notifier) }
  }
}

/// One descriptor is ready, and as many less one are not.
func fileDispatch(_ driver: Driver, of count: Int) throws -> Double {
  let loop = try Loop(driver)
  let watched = try Watched(count) { _ in loop.context }
  loop.iterate(blocking: false)
  defer { watched.stop { _ in loop.context } }
  return watched.oneActive { loop.iterate(blocking: true) }
}

/// An iteration of GLib's that finds nothing to do.
func idleIteration(of count: Int) throws -> Double {
  let loop = try Loop(.glib)
  let watched = try Watched(count) { _ in loop.context }
  defer { watched.stop { _ in loop.context } }
  for _ in 0..<3 { loop.iterate(blocking: false) }
  let result = perOperation { count in
    for _ in 0..<count { loop.iterate(blocking: false) }
  }
  check(watched.ran.count == 0, "an idle descriptor's handler ran")
  return result
}

/// Contexts, all attached to one GMainContext, with a descriptor each, of which one is ready.
func contexts(_ count: Int) throws -> Double {
  let main = MainContext()
  let contexts = try (0..<count).map { try AioContext(name: "\($0)") }
  for context in contexts { try context.attach(to: main) }
  let watched = try Watched(count) { contexts[$0] }
  for _ in 0..<3 { main.iteration(mayBlock: false) }
  defer {
    watched.stop { contexts[$0] }
    for context in contexts { context.detach() }
  }
  return watched.oneActive { main.iteration(mayBlock: true) }
}
