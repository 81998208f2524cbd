// Servers that rows measure: started for a row, and asked by turns. And what a run of a client came to: the time, and the
// server's CPU time.

import Foundation
import Glibc

/// Where a client and its server run.
enum Placement: Sendable {
  /// Where the kernel puts them.
  case free
  /// Both on CPU 0.
  case together
  /// The client on CPU 0, the server on CPU 1.
  case apart

  var client: Pinning { self == .free ? .free : .oneCPU }

  /// The server's program and arguments.
  func start(_ program: String, _ arguments: [String]) -> (String, [String]) {
    self == .together ? ("taskset", ["-c", "0", program] + arguments) : (program, arguments)
  }

  /// Puts a server that has started on its CPU. Not sooner: what it does for there being two is up to what it finds when
  /// it starts.
  func settle(_ process: Int32, _ setting: Setting) throws {
    if self != .apart { return }
    _ = try setting.run("taskset", ["-a", "-p", "-c", "1", "\(process)"], pinning: .free)
  }
}

/// What one run came to, in the units of its two rows.
struct Cost: Sendable {
  let value: Double
  let cpu: Double
}

/// A row and the one beside it for the server's CPU time, which was measured with the first and is taken from there: its
/// latest runs, in their order of peers. Where only the second is asked for, it measures.
final class CostlyCommand: @unchecked Sendable {
  private let missing: @Sendable (Setting) -> String?
  private let measure: @Sendable (Setting) throws -> Cost
  private var cpus: [Double] = []

  init(
    missing: @escaping @Sendable (Setting) -> String?,
    measure: @escaping @Sendable (Setting) throws -> Cost
  ) {
    self.missing = missing
    self.measure = measure
  }

  var value: Command {
    Command(
      missing: missing,
      run: { setting, _ in
        let cost = try self.measure(setting)
        self.cpus.append(cost.cpu)
        return cost.value
      })
  }

  var cpu: Command {
    Command(
      missing: missing, run: { setting, _ in try self.cpus.popLast() ?? self.measure(setting).cpu })
  }
}

/// CPU seconds of a process, of all its threads, and of its children that are gone.
func cpuSeconds(of process: Int32) throws -> Double {
  let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
  // The name, in parentheses, may have anything in it.
  let fields = text[text.lastIndex(of: ")")!...].split(separator: " ")
  let ticks = fields[12...15].compactMap { Double($0) }
  guard ticks.count == 4 else { throw Failure("/proc/\(process)/stat says: \(text)") }
  return ticks.reduce(0, +) / Double(sysconf(CInt(_SC_CLK_TCK)))
}
