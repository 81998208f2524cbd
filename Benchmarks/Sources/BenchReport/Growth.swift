// Whether a cost stays what it is where there is more of everything: one row of ours beside another of ours.

/// A limit on how much a row of ours may cost, as a multiple of another.
public struct Growth: Hashable, Sendable {
  public let from: String
  public let to: String
  public let atMost: Double

  public init(from: String, to: String, atMost: Double) {
    self.from = from
    self.to = to
    self.atMost = atMost
  }

  /// The multiple; nil if one of the rows was not measured.
  public func factor(in comparisons: [Comparison]) -> Double? {
    let ours = { (name: String) in comparisons.first { $0.name == name }.map { median($0.ours) } }
    guard let first = ours(from), let second = ours(to), first > 0 else { return nil }
    return second / first
  }

  public func holds(in comparisons: [Comparison]) -> Bool {
    factor(in: comparisons).map { $0 <= atMost } ?? true
  }
}
