// Ticks at a fixed rate, as a sequence. The ticks' times are computed from the first, so that they do not drift; those that
// come while nobody asks are counted and not kept, which is the back-pressure.

import SystemPackage

/// A tick every so often.
///
/// Got from ``AioContext/ticks(every:clock:)``. An element tells how many ticks have come since the one before: 1 for who
/// keeps up.
public struct TickSequence: AsyncSequence, Sendable {
  /// How many ticks have come since the element before.
  public typealias Element = Int
  /// It does not fail.
  public typealias Failure = Never

  let context: AioContext
  let clock: AioClock
  let interval: Int64

  /// Begins to count: the first tick is one interval from here.
  public func makeAsyncIterator() -> Iterator {
    Iterator(sequence: self, last: context.kernel.now(on: clock))
  }

  /// Waits for ticks, for one task at a time.
  public struct Iterator: AsyncIteratorProtocol {
    let sequence: TickSequence
    var last: Int64

    /// The next tick; nil when the task was cancelled.
    public mutating func next() async -> Int? {
      await next(isolation: nil)
    }

    /// The next tick; nil when the task was cancelled.
    public mutating func next(isolation: isolated (any Actor)?) async -> Int? {
      let (due, overflow) = last.addingReportingOverflow(sequence.interval)
      do throws(Errno) {
        try await sequence.context.sleep(
          until: overflow ? .max - 1 : due, clock: sequence.clock)
      } catch {
        return nil
      }
      let (count, time) = Self.ticks(
        since: last, interval: sequence.interval,
        now: sequence.context.kernel.now(on: sequence.clock))
      last = time
      return count
    }

    /// How many ticks there were, one at least, and when the last was.
    static func ticks(since last: Int64, interval: Int64, now: Int64) -> (count: Int, last: Int64) {
      let count = Swift.max((now - last) / interval, 1)
      return (Int(count), last + count * interval)
    }
  }
}

extension AioContext {
  /// A tick every `interval`, the first after the first interval.
  ///
  /// Any task; the sequence ends when it is cancelled.
  ///
  /// - Parameters:
  ///   - interval: positive.
  ///   - clock: ``AioClock/realtime``, which is monotonic, unless given.
  public func ticks(every interval: Duration, clock: AioClock = .realtime) -> TickSequence {
    precondition(interval > .zero, "ticks every \(interval) were asked for")
    return TickSequence(context: self, clock: clock, interval: interval.nanoseconds)
  }
}
