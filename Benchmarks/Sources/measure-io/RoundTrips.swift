// Row threadpool.roundtrip: a job that does nothing, to a worker and back. The pool has four threads, as libuv's has.

import AioGSource
import Measuring

/// With --two-cpus the loop is on CPU 0, and the workers are on CPU 1: a thread stays where the one was that made it.
func roundTrips() throws -> Double {
  let context = try AioContext(name: "measured")
  let areApart = Arguments.has("--two-cpus")
  if areApart { pin(to: 1) }
  let pool = context.threadPool
  try pool.setThreads(minimum: 4, maximum: 4)
  let trips = try Operations(
    RoundTrips(pool: pool), on: context, depth: Arguments.number(1))
  if areApart {
    // The least number of workers start one after the other, each by the one before.
    for _ in 0..<10_000 where pool.threadCount < 4 { trips.run(1) }
    check(pool.threadCount == 4, "the pool has \(pool.threadCount) threads, not 4")
    pin(to: 0)
  }
  return perOperation(trips.run)
}

private struct RoundTrips: Work {
  let pool: ThreadPool

  struct Completion {
    let call: @Sendable (Result<Void, any Error>) -> Void
  }

  static func completion(_ end: @escaping @Sendable () -> Void) -> Completion {
    Completion { result in
      if case .failure(let error) = result { fail("a job failed: \(error)") }
      end()
    }
  }

  func start(_ slot: Int, _ completion: Completion) {
    pool.submit(nothing, completion: completion.call)
  }
}

@Sendable private func nothing() {}
