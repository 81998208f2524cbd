// What all of the soak's threads share: how it fails, and the counts of what it did.

import Glibc
import Synchronization

func fail(_ sentence: String) -> Never {
  "soak: \(sentence)\n".withCString { _ = write(2, $0, strlen($0)) }
  exit(1)
}

func check(_ condition: Bool, _ sentence: @autoclosure () -> String) {
  if !condition { fail(sentence()) }
}

/// What is mixed.
enum OperationKind: Int, CaseIterable {
  case bottomHalf
  case bottomHalfFromThread
  case deletedBottomHalf
  case timer
  case cancelledTimer
  case handler
  case nestedPoll
  case file
  case socket
  case cancelledRequest
  case poolJob
  case attachment
  case ioThread
}

final class Tally: Sendable {
  static let shared = Tally()
  private final class Counter: Sendable { let value = Atomic<Int>(0) }
  private let counters = OperationKind.allCases.map { _ in Counter() }

  func add(_ kind: OperationKind) { counters[kind.rawValue].value.add(1, ordering: .relaxed) }
  func count(_ kind: OperationKind) -> Int {
    counters[kind.rawValue].value.load(ordering: .relaxed)
  }
  var total: Int { OperationKind.allCases.reduce(0) { $0 + count($1) } }
}

func say(_ line: String) {
  print(line)
  fflush(nil)
}
