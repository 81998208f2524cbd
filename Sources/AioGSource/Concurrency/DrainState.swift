// How a context is drained, as a value: whether to wait on, to cancel, or to stop. It knows no clock and no request; what is
// in flight are names that somebody tells it. Contract 18, 2.3.
//
// Guarantees: nothing is cancelled before the limit, everything that is in flight is cancelled once at the limit and again
// when more of it begins, and the drain is over only when nothing is in flight.

/// What a context was about when it was drained, and how that ended.
public struct DrainReport: Hashable, Sendable, CustomStringConvertible {
  /// What was waited for, and how many of each: `["read": 3]`.
  public internal(set) var finished: [String: Int] = [:]
  /// What was cancelled; its results may have been successes all the same.
  public internal(set) var cancelled: [String: Int] = [:]

  /// Whether nothing was in flight.
  public var isEmpty: Bool { finished.isEmpty && cancelled.isEmpty }

  /// What was waited for and what was cancelled, with counts, in one line.
  public var description: String {
    if isEmpty { return "nothing was in flight" }
    var parts: [String] = []
    if !finished.isEmpty { parts.append("finished: " + Self.list(finished)) }
    if !cancelled.isEmpty { parts.append("cancelled: " + Self.list(cancelled)) }
    return parts.joined(separator: "; ")
  }

  private static func list(_ counts: [String: Int]) -> String {
    counts.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
  }
}

struct DrainState {
  enum Action: Equatable {
    /// Until something ends, or the limit.
    case wait
    /// What was given, and then wait.
    case cancel
    case done
  }

  /// One thing in flight.
  struct Item: Hashable {
    var address: UInt
    var generation: UInt32
    var name: String
  }

  /// In nanoseconds; nil for none.
  let deadline: Int64?
  private var finished: Set<Item> = []
  private var cancelled: Set<Item> = []

  init(deadline: Int64?) { self.deadline = deadline }

  /// Looks at what is in flight, anew each time that something may have ended.
  mutating func look(_ items: [Item], now: Int64) -> Action {
    for item in items where !cancelled.contains(item) { finished.insert(item) }
    if items.isEmpty { return .done }
    guard let deadline, now >= deadline else { return .wait }
    let late = items.filter { !cancelled.contains($0) }
    if late.isEmpty { return .wait }
    for item in late {
      finished.remove(item)
      cancelled.insert(item)
    }
    return .cancel
  }

  var report: DrainReport {
    var report = DrainReport()
    for item in finished { report.finished[item.name, default: 0] += 1 }
    for item in cancelled { report.cancelled[item.name, default: 0] += 1 }
    return report
  }
}
