// Another process's point of view: strace of one idle second shows the wait, and no other system call of any thread's.

import CTestSupport
import Foundation
import Testing

extension AllTests {
  @Suite(.enabled(if: Strace.works, Strace.whyNot))
  struct IdleSecondTests {
    @Test(arguments: Combination.all)
    func isOneCall(_ combination: Combination) throws {
      Tally.count(combination)
      let second = try #require(Self.seconds[combination])
      let wait: Set<String> =
        switch (combination.driver, combination.monitor) {
        case (.glib, _), (_, .poll): ["poll", "ppoll"]
        case (_, .epoll): ["epoll_wait", "epoll_pwait", "epoll_pwait2"]
        case (_, .ioURing): ["io_uring_enter"]
        }
      #expect(second.count == 1 && wait.isSuperset(of: second), "\(second)")
    }

    /// All at the same time.
    private static let seconds: [Combination: [String]] = {
      let seconds = Box<[Combination: [String]]>([:])
      let threads = Combination.all.map { combination in
        TestThread {
          let calls = try? Strace.calls(
            of: "AsleepProgram", [combination.driver.rawValue, "\(combination.monitor)"],
            after: "asleep")
          seconds.update { $0[combination] = calls }
        }
      }
      for thread in threads { thread.join() }
      return seconds.value
    }()
  }
}

/// strace(1), by which a process is watched.
private enum Strace {
  static let path = "/usr/bin/strace"

  /// Not with a sanitizer, whose threads make calls of their own, nor where processes may not be traced.
  static let works: Bool = {
    if aiogs_test_is_sanitized() || access(path, X_OK) != 0 { return false }
    let trial = try? Program([path, "-o", "/dev/null", "/bin/true"])
    return trial?.outcome().status == 0
  }()

  static let whyNot: Comment =
    "strace is not installed, or may not trace, or would see a sanitizer's calls"

  /// The calls of all threads of one of the package's programs, from the one on that wrote `line` to its stdout.
  static func calls(of program: String, _ arguments: [String], after line: String) throws
    -> [String]
  {
    let folder = try Folder()
    let tracing = try Program(
      [path, "-f", "-o", folder["trace"], Program.url(program).path] + arguments)
    let outcome = tracing.outcome()
    try #require(outcome.output == line + "\n", "\(outcome.complaint)")
    let trace = String(decoding: try folder.data(of: "trace"), as: UTF8.self)
    let lines = trace.split(separator: "\n").map { $0.drop { $0 != " " }.drop { $0 == " " } }
    let start = try #require(lines.firstIndex { $0.hasPrefix("write(1, \"\(line)") })
    // Not what tells of signals and exits, nor the second half of a line.
    return lines[(start + 1)...].filter {
      !$0.hasPrefix("---") && !$0.hasPrefix("+++") && !$0.hasPrefix("<...")
    }
    .map { String($0.prefix { $0 != "(" }) }
  }
}
