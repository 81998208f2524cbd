// A function on its way to a worker of the thread pool and back: one object, which is all that a job allocates. Generic and
// inlinable, so that it is made for the caller's type where that is known; and with two closures that capture nothing in
// place of methods, for those of a generic class look up its types at each call, some 100 ns each.
//
// The home thread makes it and calls `finish`; `run` is the worker's, in between.

import SystemPackage

/// A function for a worker.
@usableFromInline
class Job: Payload, @unchecked Sendable {
  private let carryOut: @Sendable (Job) -> Void
  private let report: @Sendable (Job, Result<Int, Errno>) -> Void

  @usableFromInline
  init(
    carryOut: @escaping @Sendable (Job) -> Void,
    report: @escaping @Sendable (Job, Result<Int, Errno>) -> Void
  ) {
    self.carryOut = carryOut
    self.report = report
  }

  func run() { carryOut(self) }

  /// With a count that means nothing, or what the job did not come to a worker for.
  func finish(_ result: Result<Int, Errno>) { report(self, result) }
}

/// One whose value is taken by a completion, or is left for who awaits it.
@usableFromInline
final class ValueJob<Value: Sendable>: Job, @unchecked Sendable {
  // Its two owners have it by turns: nothing to check.
  @usableFromInline
  @exclusivity(unchecked) var body: (@Sendable () throws -> Value)?
  /// Written by the worker, read by the home thread afterwards.
  @usableFromInline
  @exclusivity(unchecked) var value: Result<Value, any Error>?
  @usableFromInline
  let completion: (@Sendable (Result<Value, any Error>) -> Void)?

  @inlinable
  init(
    _ body: @escaping @Sendable () throws -> Value,
    completion: (@Sendable (Result<Value, any Error>) -> Void)? = nil
  ) {
    self.body = body
    self.completion = completion
    super.init(
      carryOut: { job in
        let job = unsafeDowncast(job, to: ValueJob<Value>.self)
        // Released here, with what it holds: the home thread has its result.
        guard let body = job.body.take() else { return }
        job.value = Result { try body() }
      },
      report: { job, result in
        let job = unsafeDowncast(job, to: ValueJob<Value>.self)
        switch result {
        case .success: job.completion?(job.value.unsafelyUnwrapped)
        case .failure(let error): job.completion?(.failure(error))
        }
      })
  }
}
