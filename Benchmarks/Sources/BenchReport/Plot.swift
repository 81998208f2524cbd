// A picture of cost against size: what stands in it, and where on logarithmic axes. Drawn in SVG.swift. Pure.

import Glibc

/// Lines over a common size, ours and the peers'.
public struct Plot: Hashable, Sendable {
  public struct Series: Hashable, Sendable {
    public let name: String
    public let isOurs: Bool
    /// By size. Both above 0, for the axes are logarithmic.
    public let points: [Point]

    public init(name: String, isOurs: Bool, points: [Point]) {
      self.name = name
      self.isOurs = isOurs
      self.points = points
    }
  }

  public struct Point: Hashable, Sendable {
    public let size: Double
    /// Nanoseconds.
    public let cost: Double

    public init(size: Double, cost: Double) {
      precondition(size > 0 && cost > 0, "a logarithmic axis has no place for \(size), \(cost)")
      self.size = size
      self.cost = cost
    }
  }

  public let title: String
  public let sizeLabel: String
  public let costLabel: String
  public let series: [Series]

  public init(title: String, sizeLabel: String, costLabel: String, series: [Series]) {
    self.title = title
    self.sizeLabel = sizeLabel
    self.costLabel = costLabel
    self.series = series
  }
}

/// A logarithmic axis: from one round value to another, and a mark at each between them.
struct LogAxis: Hashable {
  let lower: Double
  let upper: Double
  let ticks: [Double]

  /// The smallest axis that holds the values. Its marks are powers of ten, and twice and five times these if that is
  /// fewer than three.
  init(_ values: [Double]) {
    let smallest = values.min() ?? 1
    let largest = values.max() ?? 10
    let decades = Self.marks([1], from: smallest, to: largest)
    let marks = decades.count > 3 ? decades : Self.marks([1, 2, 5], from: smallest, to: largest)
    lower = marks.first!
    upper = marks.last!
    ticks = marks
  }

  /// The axis whose marks these are, in any order and as often as may be.
  init(ticks: [Double]) {
    let marks = Set(ticks).sorted()
    precondition(!marks.isEmpty, "a plot has points")
    lower = marks.first!
    // A single mark stands at the axis's start.
    upper = marks.count > 1 ? marks.last! : marks[0] * 10
    self.ticks = marks
  }

  /// Where on the axis a value is, from 0 to 1.
  func position(_ value: Double) -> Double {
    (log10(value) - log10(lower)) / (log10(upper) - log10(lower))
  }

  /// From the last mark that is not above `smallest` to the first that is not below `largest`; two at least.
  private static func marks(_ steps: [Double], from smallest: Double, to largest: Double)
    -> [Double]
  {
    let exponents = Int(log10(smallest).rounded(.down)) - 1...Int(log10(largest).rounded(.up)) + 1
    // Negative powers of ten are no round doubles: divided by, not multiplied with.
    let all = exponents.flatMap { exponent in
      steps.map { exponent < 0 ? $0 / pow(10, Double(-exponent)) : $0 * pow(10, Double(exponent)) }
    }
    let first = all.lastIndex { $0 <= smallest } ?? 0
    let last = all.firstIndex { $0 >= largest } ?? all.count - 1
    return Array(all[first...max(last, first + 1)])
  }
}
