// The matrix of I/O: every operation is tested on each engine, over each monitor, under each driver, as far as they can be
// had here.

import AioGSource
import CTestSupport
import Testing

struct EngineCombination: Hashable, Sendable, CustomTestStringConvertible {
  let loop: Combination
  let engine: AIOEngine.Kind

  var testDescription: String { "\(engine), \(loop.testDescription)" }

  static let engines: [AIOEngine.Kind] = AIOEngine.Kind.allCases.filter {
    switch $0 {
    case .ioURing: !aiogs_test_denies_io_uring()
    case .linuxAIO: !aiogs_test_denies_io_setup()
    case .threads: true
    }
  }

  static let all: [EngineCombination] = engines.flatMap { engine in
    Combination.all.map { EngineCombination(loop: $0, engine: engine) }
  }

  /// Each engine under each driver, over the best monitor: for what takes long.
  static let oncePerDriver: [EngineCombination] = engines.flatMap { engine in
    Driver.allCases.map {
      EngineCombination(
        loop: Combination(
          driver: $0, monitor: Combination.monitors.contains(.ioURing) ? .ioURing : .epoll),
        engine: engine)
    }
  }
}

/// A loop with an engine of which it was checked that it is the one that runs.
final class EngineLoop: @unchecked Sendable {
  let loop: TestLoop
  let engine: AIOEngine
  var context: AioContext { loop.context }

  init(_ combination: EngineCombination, name: String = "test") throws {
    loop = try TestLoop(combination.loop, name: name)
    engine = try loop.context.engine(combination.engine)
    try #require(engine.kind == combination.engine)
    Tally.count(engine.kind)
  }

  /// Makes a request and runs the loop until its completion has come: what it was given.
  func await<Value: Sendable, Failure: Error>(
    _ request: (@escaping @Sendable (Result<Value, Failure>) -> Void) throws -> AIORequest
  ) throws -> Result<Value, Failure> {
    let outcome = Box<Result<Value, Failure>?>(nil)
    let calls = Counter()
    let handle = try request {
      outcome.value = $0
      calls.increment()
    }
    #expect(!handle.isFinished, "a completion within the call")
    let isOver = loop.run { calls.value > 0 }
    #expect(isOver)
    #expect(handle.isFinished)
    loop.settle()
    #expect(calls.value == 1)
    return try #require(outcome.value)
  }
}
