// Rows timer.*.

import AioGSource
import Measuring

/// Deadlines between a second and about a thousand from now: nothing fires while it is measured.
private func farDeadline(_ random: inout Random, from start: Int64) -> Int64 {
  start + 1_000_000_000 + Int64(random.next() & 0xF_FFFF) * 1_000_000
}

/// So many armed timers, one of which gets another deadline.
func timerChurn(of count: Int) throws -> Double {
  let context = try AioContext(name: "measured")
  let fired = Counter()
  var random = Random()
  let start = now()
  let timers = (0..<count).map { _ in context.makeTimer { fired.count += 1 } }
  for timer in timers { timer.arm(at: farDeadline(&random, from: start)) }
  var next = 0
  let result = perOperation { count in
    for _ in 0..<count {
      timers[next].arm(at: farDeadline(&random, from: start))
      next = next + 1 == timers.count ? 0 : next + 1
    }
  }
  check(context.statistics.timers == count, "timers were lost")
  for timer in timers { timer.cancel() }
  check(fired.count == 0, "a timer fired that was not due")
  return result
}

/// A timer that is due at once is armed, and fires in the next iteration, beside so many that are not due.
func timerFire(of count: Int) throws -> Double {
  let context = try AioContext(name: "measured")
  let fired = Counter()
  var random = Random()
  let start = now()
  let others = (0..<count).map { _ in context.makeTimer { fail("a timer fired before its time") } }
  for timer in others { timer.arm(at: farDeadline(&random, from: start)) }
  let timer = context.makeTimer { fired.count += 1 }
  let result = perOperation { count in
    fired.count = 0
    for _ in 0..<count {
      timer.arm(at: 0)
      context.poll(blocking: false)
    }
    check(fired.count == count, "the timer fired \(fired.count) times of \(count)")
  }
  for timer in others { timer.cancel() }
  return result
}

/// By how much a timer of 300 µs is late in a GMainContext, in nanoseconds: the median.
func timerError() throws -> Double {
  let loop = try Loop(.glib)
  let state = Lateness()
  let timer = loop.context.makeTimer { state.lateness = now() - state.deadline }
  var all: [Int64] = []
  for _ in 0..<(isQuick ? 100 : 300) {
    state.lateness = nil
    state.deadline = now() + 300_000
    timer.arm(at: state.deadline)
    while state.lateness == nil { loop.iterate(blocking: true) }
    check(state.lateness! >= 0, "a timer fired before its time")
    all.append(state.lateness!)
  }
  return median(all)
}

private final class Lateness: @unchecked Sendable {
  var deadline: Int64 = 0
  var lateness: Int64?
}
