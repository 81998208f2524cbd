// A job for the thread pool, awaited.

import SystemPackage

extension ThreadPool {
  /// Runs `body` on a worker and returns what it returned, or throws what it threw. Any task. Cancelling it cancels the job
  /// if no worker has it yet: `Errno.canceled`.
  ///
  /// Stands for `thread_pool_submit_co`.
  nonisolated(nonsending) public func submit<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    let job = ValueJob(body)
    _ = try await engine.perform { engine, completion in
      engine.submit(job, completion)
    }
    return try job.takeOutcome().get()
  }
}
