// What a context is told about busy polling.

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
