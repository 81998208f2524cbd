// The log's lines about clients: so many a second, for a client costs nothing to whoever wants a full disk. Any thread.

import AioGSource
import Logging
import Synchronization

final class ClientLog: Sendable {
  /// Lines a second.
  static let limit = 20

  private let log: Logger
  private let state = Mutex(State())

  /// Pure, but for the clock that is given.
  struct State {
    private var second: Int64 = 0
    private var lines = 0
    private var suppressed = 0

    /// How many lines were left out before this one; nil if it is left out itself.
    mutating func admit(at nanoseconds: Int64) -> Int? {
      let now = nanoseconds / 1_000_000_000
      if now != second {
        second = now
        lines = 0
      }
      if lines == ClientLog.limit {
        suppressed += 1
        return nil
      }
      lines += 1
      defer { suppressed = 0 }
      return suppressed
    }
  }

  init(_ log: Logger) { self.log = log }

  func notice(_ line: @autoclosure () -> String) {
    guard let left = state.withLock({ $0.admit(at: AioClock.realtime.now) }) else { return }
    if left > 0 { log.notice("\(left) lines about clients were left out") }
    log.notice("\(line())")
  }
}
