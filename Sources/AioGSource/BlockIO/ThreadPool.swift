// The thread pool as its users see it.

import Glibc
import SystemPackage

/// Threads that run what would make the loop wait, and hand the result back to it. One per context.
///
/// Jobs start in the order in which they were submitted; there is no order in which they end. Between 0 and 64 threads
/// unless set otherwise, made when there is more to do than threads to do it; one that has had nothing to do for 10 s
/// goes. On a worker ``AioContext/current`` is nil, and all signals are blocked.
///
/// Stands for `ThreadPool`.
public final class ThreadPool: Sendable {
  // Home thread.
  nonisolated(unsafe) private let io: ContextIO
  private let workers: WorkerPool
  let engine: AIOEngine

  init(io: ContextIO) {
    self.io = io
    workers = io.threadBackend.pool
    engine = AIOEngine(kind: .threads, io: io, backend: io.threadBackend)
  }

  /// Runs `body` on a worker and then `completion` on the home thread, in a pass, exactly once: with what `body` returned or
  /// threw, or with `Errno.canceled` if the job was cancelled before a worker had it. Home thread.
  ///
  /// Stands for `thread_pool_submit_aio`.
  @discardableResult
  @inlinable
  public func submit<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value,
    completion: @escaping @Sendable (Result<Value, any Error>) -> Void
  ) -> AIORequest {
    submit(ValueJob(body, completion: completion))
  }

  @usableFromInline
  func submit(_ job: Job) -> AIORequest {
    // Who captures nothing but an object has no context of its own.
    engine.submit(job) { [job] in job.finish($0) }
  }

  /// How many threads are kept even without work; 0 unless set. Any thread.
  public var minimumThreads: Int { workers.limits.minimum }
  /// How many threads there may be; 64 unless set. Any thread.
  public var maximumThreads: Int { workers.limits.maximum }
  /// How many there are. Any thread.
  public var threadCount: Int { workers.snapshot.workers }

  /// Sets both limits, at once and while the pool runs: threads are made up to the minimum, and those above the maximum go
  /// when they are done with what they do. Home thread.
  ///
  /// - Throws: ``AioError/invalidThreadLimits(minimum:maximum:)`` unless 0 ≤ minimum ≤ maximum, and
  ///   1 ≤ maximum ≤ `Int32.max`; nothing changes then.
  public func setThreads(minimum: Int, maximum: Int) throws(AioError) {
    guard minimum >= 0, minimum <= maximum, maximum >= 1, maximum <= Int(Int32.max) else {
      throw .invalidThreadLimits(minimum: minimum, maximum: maximum)
    }
    engine.requireHome()
    workers.setLimits(minimum: minimum, maximum: maximum)
  }
}

extension AIOEngine {
  /// A job for the workers, which keeps what it comes to.
  func submit(_ job: Job, _ completion: @escaping Completion) -> AIORequest {
    let request = make(.job, -1)
    request.hold(job, completion)
    return start(request)
  }
}
