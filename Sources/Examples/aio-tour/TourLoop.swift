// The loop of the tour: the default GMainContext with a GLib timeout, a signal source and an AioContext in it, run by
// GLib or, for what is the context's own, by the context.

import AioGSource
import CGLib
import Foundation
import Synchronization

/// The user pressed Ctrl-C.
struct Interrupted: Error {}

/// A value that the main thread alone uses, callbacks included.
final class Shared<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}

final class TourLoop: @unchecked Sendable {
  let context: AioContext
  let mainContext = MainContext.default
  let driver: Driver
  private let isInterrupted = Shared(false)
  private let ticks = Shared(0)
  private var sources: [UnsafeMutablePointer<GSource>] = []

  /// How often GLib's timeout of 50 ms has fired meanwhile: GLib's sources run beside the context's.
  var timeouts: Int { ticks.value }

  init(monitor: MonitorKind?, driver: Driver) throws {
    self.driver = driver
    do {
      context = try AioContext(
        name: "tour", configuration: .init(monitor: monitor.map { .demanded($0) } ?? .automatic))
      try context.attach()
    } catch {
      throw TourError(description: "\(error)")
    }
    add(g_unix_signal_source_new(SIGINT), keeping: isInterrupted) { data in
      Unmanaged<Shared<Bool>>.fromOpaque(data!).takeUnretainedValue().value = true
      return 1
    }
    add(g_timeout_source_new(50), keeping: ticks) { data in
      Unmanaged<Shared<Int>>.fromOpaque(data!).takeUnretainedValue().value += 1
      return 1
    }
  }

  deinit {
    for source in sources {
      g_source_destroy(source)
      g_source_unref(source)
    }
    context.detach()
  }

  private func add<Value>(
    _ source: UnsafeMutablePointer<GSource>!, keeping data: Shared<Value>,
    _ callback: @escaping GSourceFunc
  ) {
    g_source_set_callback(
      source, callback, Unmanaged.passRetained(data).toOpaque(),
      { Unmanaged<AnyObject>.fromOpaque($0!).release() })
    g_source_attach(source, nil)
    sources.append(source)
  }

  /// Runs until `condition` holds. GLib's sources get their turn under either driver.
  func run(until condition: () -> Bool) throws {
    while !condition() {
      switch driver {
      case .glib: mainContext.iteration(mayBlock: true)
      case .poll:
        context.poll(blocking: true)
        mainContext.iteration(mayBlock: false)
      }
      if isInterrupted.value { throw Interrupted() }
    }
  }

  /// One iteration of the context's driver, and of nothing else.
  @inline(__always)
  func iterate(blocking: Bool) {
    switch driver {
    case .glib: mainContext.iteration(mayBlock: blocking)
    case .poll: context.poll(blocking: blocking)
    }
  }

  func checkInterrupt() throws {
    if driver == .poll { mainContext.iteration(mayBlock: false) }
    if isInterrupted.value { throw Interrupted() }
  }
}
