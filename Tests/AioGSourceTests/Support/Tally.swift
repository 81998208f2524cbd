// How many cases ran in each combination and on each engine, and how many faults the fake kernel injected, printed when
// the test process ends.

import Glibc
import Testing

@testable import AioGSource

enum Tally {
  private final class State: @unchecked Sendable {
    let lock = Lock()
    var cases: [Combination: Set<String>] = [:]
    var engines: [String: Int] = [:]
    var faults = 0
  }

  private static let state: State = {
    atexit { Tally.print() }
    return State()
  }()

  /// Counts the running test once for a combination.
  static func count(_ combination: Combination) {
    guard let test = Test.current else { return }
    state.lock.withLock {
      _ = state.cases[combination, default: []].insert("\(test.id)")
    }
  }

  /// Counts a loop that was made for an engine.
  static func count(_ engine: AIOEngine.Kind) {
    state.lock.withLock { state.engines[engine.rawValue, default: 0] += 1 }
  }

  /// Counts an answer of the fake kernel's that is not what was asked for; less than zero takes it back.
  static func countFault(_ change: Int = 1) {
    state.lock.withLock { state.faults += change }
  }

  private static func print() {
    state.lock.withLock {
      Swift.print("faults injected: \(state.faults)")
      for (engine, cases) in state.engines.sorted(by: { $0.key < $1.key }) {
        Swift.print("engine \(engine): \(cases) cases")
      }
      for kind in AIOEngine.Kind.allCases where !EngineCombination.engines.contains(kind) {
        Swift.print("engine \(kind): denied in this run, and checked to be")
      }
      for (combination, tests) in state.cases.sorted(by: { $0.key.order < $1.key.order }) {
        Swift.print("combination \(combination.testDescription): \(tests.count) cases")
      }
      if !Combination.monitors.contains(.ioURing) {
        Swift.print("combinations over io_uring: denied in this run, and checked to be")
      }
    }
  }
}

extension Combination {
  fileprivate var order: String { testDescription }
}
