// Busy polling from its first round to its last: when a round gives others their turn, and after which one it ends. A value
// that is told the time, and knows no clock.
//
// What a poll callback asked for has its window to the end. Polling for what a ring completes, which nobody asked for, is
// for a processor that nobody else wants: it offers that to others in each round, and ends when one of them took it.

struct PollingSpan {
  /// Polling for completions alone offers its processor from so many nanoseconds on.
  static let yieldsAfter: Int64 = 16_000
  /// A round of so many nanoseconds, and somebody else has had the processor.
  static let crowdedAfter: Int64 = 50_000

  private let handlersWindow: Int64
  private var limit: Int64
  private var elapsed: Int64 = 0
  /// Whether it ended because somebody else wants the processor.
  private(set) var isCrowded = false

  /// - Parameters:
  ///   - limit: how long it may last; above zero.
  ///   - handlersWindow: for how long of that it is for poll callbacks.
  @inline(__always)
  init(limit: Int64, handlersWindow: Int64) {
    self.limit = limit
    self.handlersWindow = handlersWindow
  }

  /// Something was found: this round is the last.
  @inline(__always)
  mutating func end() { limit = 0 }

  /// Whether this round is to offer the processor to others.
  @inline(__always)
  var yields: Bool { limit != 0 && elapsed > max(handlersWindow, Self.yieldsAfter) }

  /// The round is over, so many nanoseconds after the first began. True if there is another one.
  @inline(__always)
  mutating func goesOn(after now: Int64) -> Bool {
    isCrowded = elapsed >= handlersWindow && now - elapsed > Self.crowdedAfter
    elapsed = now
    return now < limit && !isCrowded
  }
}
