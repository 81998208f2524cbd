// Whether a cost stays what it is where there is more of everything: one row of ours beside another of ours. Pure.

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
}

/// Both rows, measured by turns: as they stand in the table they are minutes apart, and a machine that was disturbed during
/// one of them would be taken for growth.
public struct MeasuredGrowth: Hashable, Sendable {
  public let limit: Growth
  /// A value a round, of each.
  public let from: [Double]
  public let to: [Double]

  public init(_ limit: Growth, from: [Double], to: [Double]) {
    self.limit = limit
    self.from = from
    self.to = to
  }

  /// The multiple, by the medians.
  public var factor: Double {
    let (below, above) = (median(from), median(to))
    return below == 0 ? (above == 0 ? 1 : .infinity) : above / below
  }

  /// How far the rounds' own multiples lie apart.
  public var spread: Double {
    BenchReport.spread(zip(from, to).map { $0 == 0 ? 1 : $1 / $0 })
  }

  public var isNoisy: Bool { spread > Comparison.noiseLimit }

  public var holds: Bool { factor <= limit.atMost }
}
