// A function on its way to a worker of the thread pool and back: one object, which is all that a job allocates. Generic and
// inlinable, so that it is made for the caller's type where that is known: to look it up costs each job some 200 ns.
//
// The home thread makes it and calls `finish`; `run` is the worker's, in between.

import SystemPackage

/// A function for a worker.
@usableFromInline
class Job: Payload, @unchecked Sendable {
  @usableFromInline
  override init() {}

  func run() {}

  /// With a count that means nothing, or what the job did not come to a worker for.
  func finish(_ result: Result<Int, Errno>) {}
}

/// One whose value is taken by a completion, or is left for who awaits it.
@usableFromInline
final class ValueJob<Value: Sendable>: Job, @unchecked Sendable {
  @usableFromInline
  var body: (@Sendable () throws -> Value)?
  /// Written by the worker, read by the home thread afterwards.
  @usableFromInline
  var value: Result<Value, any Error>?
  @usableFromInline
  let completion: (@Sendable (Result<Value, any Error>) -> Void)?

  @inlinable
  init(
    _ body: @escaping @Sendable () throws -> Value,
    completion: (@Sendable (Result<Value, any Error>) -> Void)? = nil
  ) {
    self.body = body
    self.completion = completion
  }

  @inlinable
  override func run() {
    // Released here, with what it holds: the home thread has its result.
    guard let body = body.take() else { return }
    value = Result { try body() }
  }

  @inlinable
  override func finish(_ result: Result<Int, Errno>) {
    switch result {
    case .success: completion?(value.unsafelyUnwrapped)
    case .failure(let error): completion?(.failure(error))
    }
  }
}
