// The report that people read: a line for each comparison, in columns. Lines are made one at a time, as rows are done.

public enum Table {
  static let widths = [40, 8, 11, 10, 11, 7, 6, 7]

  public static let header = line(["", "unit", "ours", "peer", "peer's", "ratio", "bar", "spread"])

  /// One comparison. `note` says what else there is to know of it.
  public static func line(_ comparison: Comparison, note: String = "") -> String {
    var notes: [String] = []
    if case .missing(let why) = comparison.peer, comparison.peerName != nil { notes.append(why) }
    if !comparison.holds && comparison.ratio != nil { notes.append("BELOW ITS BAR") }
    if comparison.isNoisy {
      notes.append("noisy: ratios spread by \(percent(comparison.ratioSpread))")
    }
    if !note.isEmpty { notes.append(note) }
    let columns = line([
      comparison.name, comparison.unit.name, number(median(comparison.ours)),
      comparison.peerName ?? "-",
      comparison.peerValues.map { number(median($0)) } ?? "-",
      comparison.ratio.map(number) ?? "-",
      comparison.bar.map(number) ?? "-",
      percent(spread(comparison.ours)),
    ])
    return notes.isEmpty ? columns : columns + "  " + notes.joined(separator: "; ")
  }

  /// One limit on growth, and whether it holds. `note` says what else there is to know of it.
  public static func line(_ growth: MeasuredGrowth, note: String = "") -> String {
    var notes: [String] = []
    if !growth.holds { notes.append("ABOVE ITS LIMIT") }
    if growth.isNoisy { notes.append("noisy: multiples spread by \(percent(growth.spread))") }
    if !note.isEmpty { notes.append(note) }
    let what = "\(growth.limit.to) / \(growth.limit.from)"
    let columns =
      "\(what.padded(to: 64)) \(number(growth.factor).padded(to: 7, atStart: true)), "
      + "at most \(number(growth.limit.atMost))"
    return notes.isEmpty ? columns : columns + "  " + notes.joined(separator: "; ")
  }

  /// Three digits, or all that stand before the point.
  public static func number(_ value: Double) -> String {
    guard value.isFinite else { return "inf" }
    let magnitude = abs(value)
    let decimals = magnitude >= 99.95 || magnitude == 0 ? 0 : magnitude >= 9.995 ? 1 : 2
    return fixed(value, decimals)
  }

  static func percent(_ share: Double) -> String { fixed(share * 100, 0) + " %" }

  static func fixed(_ value: Double, _ decimals: Int) -> String {
    let scale = decimals == 0 ? 1 : decimals == 1 ? 10 : 100
    // Rates and bytes of a whole suite fit an Int by far.
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let sign = value < 0 && scaled != 0 ? "-" : ""
    if decimals == 0 { return sign + String(scaled) }
    let fraction = String(scaled % scale).padded(to: decimals, atStart: true, with: "0")
    return "\(sign)\(scaled / scale).\(fraction)"
  }

  private static func line(_ columns: [String]) -> String {
    zip(columns, widths).enumerated().map { index, column in
      // Words to the left, figures to the right.
      column.0.padded(to: column.1, atStart: index > 1 && index != 3)
    }.joined(separator: " ")
  }
}

extension String {
  func padded(to width: Int, atStart: Bool = false, with filler: String = " ") -> String {
    let padding = String(repeating: filler, count: max(width - count, 0))
    return atStart ? padding + self : self + padding
  }
}
