// One of a row's peers beside ours: what was measured, round by round, and what follows from it. Pure.

/// What a row's values are, and which of them are better.
public struct Unit: Hashable, Sendable {
  public let name: String
  /// Whether this is a rate: then the ratio is ours over the peer's.
  public let moreIsBetter: Bool

  public init(_ name: String, moreIsBetter: Bool = false) {
    self.name = name
    self.moreIsBetter = moreIsBetter
  }

  /// Nanoseconds an operation.
  public static let nanoseconds = Unit("ns")
  public static let bytes = Unit("bytes")
}

/// What came of a peer's runs.
public enum Outcome: Hashable, Sendable {
  /// A value a round; as many as ours.
  case values([Double])
  /// It cannot be had here, and why.
  case missing(String)
}

/// Ours and one peer's.
public struct Comparison: Hashable, Sendable {
  /// The ratios' spread from which on a row is repeated, and told to be noisy.
  public static let noiseLimit = 0.15

  public let name: String
  public let unit: Unit
  /// A value a round.
  public let ours: [Double]
  /// Nil for a row that is measured for itself.
  public let peerName: String?
  public let peer: Outcome
  /// What the ratio has to be at least.
  public let bar: Double?

  public init(
    name: String, unit: Unit, ours: [Double], peerName: String?, peer: Outcome, bar: Double? = nil
  ) {
    self.name = name
    self.unit = unit
    self.ours = ours
    self.peerName = peerName
    self.peer = peer
    self.bar = bar
  }

  public var peerValues: [Double]? {
    if case .values(let values) = peer { values } else { nil }
  }

  /// How much better ours is than the peer's, by the medians: above 1 we are faster.
  public var ratio: Double? {
    peerValues.map { ratio(median(ours), median($0)) }
  }

  /// How far the rounds' own ratios lie apart. Of rounds, because what disturbs a round disturbs both its runs.
  public var ratioSpread: Double {
    guard let peerValues else { return 0 }
    return spread(zip(ours, peerValues).map { ratio($0, $1) })
  }

  public var isNoisy: Bool { ratioSpread > Self.noiseLimit }

  /// Whether the bar is reached; a bar against a peer that is missing is not.
  public var holds: Bool {
    guard let bar else { return true }
    return ratio.map { $0 >= bar } ?? false
  }

  private func ratio(_ ours: Double, _ peer: Double) -> Double {
    let (above, below) = unit.moreIsBetter ? (ours, peer) : (peer, ours)
    // Nothing at all, of a cost, is as good as it gets.
    return below == 0 ? (above == 0 ? 1 : .infinity) : above / below
  }
}
