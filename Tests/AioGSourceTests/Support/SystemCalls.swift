// Which system calls an operation of the loop makes.

import CTestSupport
import Testing

/// How it is seen what the calling thread asks of the kernel.
enum SystemCalls {
  /// Whether that can be seen here, and is the library's: a sanitizer makes calls of its own.
  static let canBeWatched: Bool = {
    if aiogs_test_is_sanitized() { return false }
    let can = Flag()
    TestThread { if aiogs_test_watch_system_calls() == 0 { can.set() } }.join()
    return can.isSet
  }()

  static let whyNot: Comment =
    "system calls are only counted without a sanitizer, by a kernel that reports them (Linux 5.5)"

  /// From here on to its end, the calling thread's calls can be told.
  static func watch() throws {
    try #require(aiogs_test_watch_system_calls() == 0)
  }

  /// Those of `body`. The thread is watched.
  static func of(_ body: () -> Void) -> [String] {
    var numbers = [CInt](repeating: 0, count: 64)
    aiogs_test_record_system_calls()
    body()
    let count = Int(
      numbers.withUnsafeMutableBufferPointer {
        aiogs_test_recorded_system_calls($0.baseAddress, CInt($0.count))
      })
    return numbers.prefix(count).map { number in
      aiogs_test_system_call_name(number).map { String(cString: $0) } ?? "system call \(number)"
    }
  }

  /// Those that each of ten operations makes, once it has been made ten times. In a thread of its own, because the kernel
  /// watches that to its end.
  ///
  /// - Parameter prepare: sets up what the operation needs, and returns it, with what takes it down again.
  static func ofEach(
    _ prepare: @escaping @Sendable () throws -> (operation: () -> Void, end: () -> Void)
  ) throws -> [[String]] {
    let outcome = Box<Result<[[String]], any Error>?>(nil)
    TestThread {
      outcome.value = Result {
        let (operation, end) = try prepare()
        for _ in 0..<10 { operation() }
        try watch()
        operation()
        let calls = (0..<10).map { _ in of(operation) }
        end()
        return calls
      }
    }.join()
    return try outcome.value!.get()
  }
}
