// How many cases ran in each combination, printed when the test process ends.

import Glibc
import Testing

@testable import AioGSource

enum Tally {
  private final class State: @unchecked Sendable {
    let lock = Lock()
    var cases: [Combination: Set<String>] = [:]
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

  private static func print() {
    state.lock.withLock {
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
