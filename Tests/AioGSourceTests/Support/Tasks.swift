// Tasks on the context of a test: run by the test's thread, and waited for.

import Testing

@testable import AioGSource

extension AioContext {
  /// Runs `body` as a task of the context's while the caller drives it with `iterate`; what came of it, nil if that took
  /// too long.
  func run<Value: Sendable>(
    limit: Duration = .seconds(60), iterate: () -> Void,
    _ body: @escaping @Sendable () async throws -> Value
  ) -> Result<Value, any Error>? {
    let outcome = Box<Result<Value, any Error>?>(nil)
    let expired = Flag()
    let timer = makeTimer(name: "limit of the test") { expired.set() }
    timer.arm(after: limit)
    let task = Task(executorPreference: taskExecutor) {
      do {
        outcome.value = .success(try await body())
      } catch {
        outcome.value = .failure(error)
      }
    }
    while outcome.value == nil && !expired.isSet { iterate() }
    timer.cancel()
    if outcome.value == nil { task.cancel() }
    return outcome.value
  }
}

extension TestLoop {
  /// Runs `body` as a task of the context's, with this thread driving the loop: what it returned or threw.
  func task<Value: Sendable>(
    limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable () async throws -> Value
  ) throws -> Value {
    let outcome = context.run(limit: limit, iterate: { iterate(blocking: true) }, body)
    let result = try #require(outcome, "the task does not end", sourceLocation: sourceLocation)
    settle()
    return try result.get()
  }
}

extension EngineLoop {
  func task<Value: Sendable>(
    limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable () async throws -> Value
  ) throws -> Value {
    try loop.task(limit: limit, sourceLocation: sourceLocation, body)
  }
}

/// An actor on a context.
actor Pinned {
  let context: AioContext
  private(set) var log: [Int] = []

  nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }

  init(_ context: AioContext) { self.context = context }

  func add(_ value: Int) { log.append(value) }
  var isHome: Bool { context.isHomeThread }

  /// Calls an actor's method from code that is not a task.
  nonisolated func addHere(_ value: Int) {
    assumeIsolated { $0.log.append(value) }
  }
}
