// How long to busy poll before sleeping: longer while events come within reach of polling, shorter when they do not.
// A value that knows no clock. It stands here because each handler with a poll callback has one; BusyPolling polls for the
// longest.

struct PollingWindow {
  /// What the first growth gives.
  static let first: Int64 = 4_000

  private(set) var nanoseconds: Int64 = 0

  /// Takes in how long it was until the handler was ready, from before the timeout was computed.
  mutating func adjust(blocked: Int64, maximum: Int64, grow: Int64, shrink: Int64) {
    if blocked <= nanoseconds { return }
    if blocked > maximum {
      nanoseconds = shrink == 0 ? 0 : nanoseconds / shrink
    } else if nanoseconds < maximum && blocked < maximum {
      if nanoseconds == 0 {
        nanoseconds = min(Self.first, maximum)
      } else {
        let (product, overflow) = nanoseconds.multipliedReportingOverflow(by: grow == 0 ? 2 : grow)
        nanoseconds = overflow ? maximum : min(product, maximum)
      }
    }
  }

  mutating func reset() {
    nanoseconds = 0
  }
}
