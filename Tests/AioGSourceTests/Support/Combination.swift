// The matrix: every behaviour of the loop is tested with each driver over each monitor that can be had here.

import CTestSupport
import Testing

@testable import AioGSource

/// The root of all suites: one test at a time, for many of them measure.
@Suite(.serialized) struct AllTests {}

enum Driver: String, CaseIterable, Sendable {
  case poll
  case glib
}

struct Combination: Hashable, Sendable, CustomTestStringConvertible {
  let driver: Driver
  let monitor: MonitorKind

  var testDescription: String { "\(driver.rawValue) over \(monitor)" }

  /// All of them; without io_uring where the run denies it, which `MonitorChoiceTests` checks that it did. One alone where
  /// AIO_TEST_COMBINATION names it as the tests do: `glib over epoll`.
  static let all: [Combination] = {
    let all = Driver.allCases.flatMap { driver in
      monitors.map { Combination(driver: driver, monitor: $0) }
    }
    guard let name = environment("AIO_TEST_COMBINATION") else { return all }
    let wanted = all.filter { $0.testDescription == name }
    precondition(
      !wanted.isEmpty,
      "AIO_TEST_COMBINATION is none of \(all.map(\.testDescription).joined(separator: ", "))")
    return wanted
  }()

  static let monitors: [MonitorKind] = MonitorKind.allCases.filter {
    $0 != .ioURing || !aiogs_test_denies_io_uring()
  }
}
