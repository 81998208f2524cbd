// Row threadpool.roundtrip: a job that does nothing, to a worker and back. The pool has four threads, as libuv's has.

import AioGSource
import Measuring

func roundTrips() throws -> Double {
  let trips = try RoundTrips()
  return perOperation(trips.run)
}

private final class RoundTrips: Operations, @unchecked Sendable {
  private let pool: ThreadPool
  private var completions: [@Sendable (Result<Void, any Error>) -> Void] = []

  /// With --two-cpus the loop is on CPU 0, and the workers are on CPU 1: a thread stays where the one was that made it.
  init() throws {
    let context = try AioContext(name: "measured")
    if Arguments.has("--two-cpus") { pin(to: 1) }
    pool = context.threadPool
    try pool.setThreads(minimum: 4, maximum: 4)
    let depth = Arguments.number(1)
    try super.init(context, depth: depth)
    completions = (0..<depth).map { slot in
      { [unowned self] result in
        if case .failure(let error) = result { fail("a job failed: \(error)") }
        end(slot)
      }
    }
    if Arguments.has("--two-cpus") {
      run(1)
      check(pool.threadCount == 4, "the pool has \(pool.threadCount) threads, not 4")
      pin(to: 0)
    }
  }

  override func start(_ slot: Int) {
    pool.submit(nothing, completion: completions[slot])
  }
}

@Sendable private func nothing() {}
