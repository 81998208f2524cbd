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
  private let engine: AIOEngine

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
  public func submit<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value,
    completion: @escaping @Sendable (Result<Value, any Error>) -> Void
  ) -> AIORequest {
    let outcome = Outcome<Value>()
    let request = engine.make(.job, -1)
    request.pointee.owner = Job { outcome.value = Result { try body() } }
    request.pointee.completion = .init { result in
      switch result {
      case .success: completion(outcome.value!)
      case .failure(let error): completion(.failure(error))
      }
    }
    return engine.start(request)
  }

  /// Written by the worker, read by the home thread afterwards.
  private final class Outcome<Value: Sendable>: @unchecked Sendable {
    var value: Result<Value, any Error>?
  }

  /// Runs `body` on a worker and returns what it returned, or throws what it threw. Cancelling the task cancels the job if
  /// no worker has it yet: `Errno.canceled`. From any thread; the job is submitted in the context's next pass.
  ///
  /// Stands for `thread_pool_submit_co`.
  public func submit<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    guard let context = io.pool.context else { throw Errno.canceled }
    let cancellation = Cancellation()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        context.schedule(name: "ThreadPool.submit") { [self] in
          let request = submit(body) { continuation.resume(with: $0) }
          cancellation.made(request)
        }
      }
    } onCancel: {
      cancellation.cancel()
    }
  }

  /// The meeting of a request that is made later and a cancellation that comes when it likes.
  private final class Cancellation: @unchecked Sendable {
    private let lock = Lock()
    private var request: AIORequest?
    private var isCancelled = false

    func made(_ request: AIORequest) {
      let isLate = lock.withLock {
        self.request = request
        return isCancelled
      }
      if isLate { request.cancel() }
    }

    func cancel() {
      let request = lock.withLock {
        isCancelled = true
        return self.request
      }
      request?.cancel()
    }
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
