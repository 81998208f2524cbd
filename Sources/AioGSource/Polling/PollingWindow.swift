// How long to busy poll before sleeping: longer while events come within reach of polling, shorter when they do not.
// A value that knows no clock; each handler with a poll callback has one, and the loop polls for the longest.

/// How a context busy polls before it sleeps. Off unless `maximum` is above zero.
public struct PollingParameters: Hashable, Sendable {
  /// The longest a context polls before it sleeps; zero turns busy polling off.
  public var maximum: Duration
  /// What the polling time is multiplied with to grow; 0 stands for 2.
  public var grow: Int
  /// What the polling time is divided by to shrink; 0 ends polling at once.
  public var shrink: Int

  /// Doubling and ending at once, unless told otherwise. Nothing is checked before a context is given it.
  public init(maximum: Duration, grow: Int = 0, shrink: Int = 0) {
    self.maximum = maximum
    self.grow = grow
    self.shrink = shrink
  }

  /// No busy polling.
  public static let disabled = PollingParameters(maximum: .zero)
  /// What an ``IOThread`` starts with: up to 32,768 ns.
  public static let ioThread = PollingParameters(maximum: .nanoseconds(32_768))
}

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
