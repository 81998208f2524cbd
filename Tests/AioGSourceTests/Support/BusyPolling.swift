// What tests of busy polling begin with: windows that are open.

import Testing

@testable import AioGSource

extension PollingParameters {
  /// Windows that open wide at their second event.
  static let wide = PollingParameters(maximum: .seconds(1), grow: 1_000_000)
}

extension TestLoop {
  /// Opens the window of a notifier's handler: an event that comes within reach of polling, twice; more often where the
  /// machine is so busy that one comes before the wait, or too late for it.
  func openWindows(_ notifier: EventNotifier) {
    let handler = context.handlers.handler(for: notifier.fileDescriptor.rawValue)!
    // GLib waits itself, and learns nothing from it.
    let maximum = combination.driver == .poll ? context.busyPolling.maximumNanoseconds : .max
    let tries = combination.driver == .poll ? 500 : 2
    for _ in 0..<tries where handler.pointee.window.nanoseconds < maximum {
      let thread = TestThread {
        sleep(milliseconds: 2)
        try? notifier.set()
      }
      while !iterate(blocking: true) {}
      thread.join()
    }
  }
}
