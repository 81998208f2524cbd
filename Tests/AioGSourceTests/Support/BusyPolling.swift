// What tests of busy polling begin with: windows that are open.

import AioGSource
import Testing

extension PollingParameters {
  /// Windows that open wide at their second event.
  static let wide = PollingParameters(maximum: .seconds(1), grow: 1_000_000)
}

extension TestLoop {
  /// Opens the window of a notifier's handler: an event that comes within reach of polling, twice.
  func openWindows(_ notifier: EventNotifier) {
    for _ in 0..<2 {
      let thread = TestThread {
        sleep(milliseconds: 2)
        try? notifier.set()
      }
      while !iterate(blocking: true) {}
      thread.join()
    }
  }
}
