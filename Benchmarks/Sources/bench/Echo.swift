// The echo servers: each on TCP, one loop in one thread, on CPU 1, and our load generator on CPU 0.

import BenchReport
import Foundation

extension CostlyCommand {
  /// Messages of 64 bytes over 100 connections, one under way on each: nanoseconds a message, and nanoseconds of the
  /// server's CPU time.
  static func echo(_ program: String, of directory: KeyPath<Setting, URL> & Sendable)
    -> CostlyCommand
  {
    let missing = { @Sendable (setting: Setting) in
      Command.notBuilt(setting[keyPath: directory].appending(path: program))
    }
    return CostlyCommand(missing: missing) { setting in
      let path = setting[keyPath: directory].appending(path: program).path
      let portFile = setting.work.appending(path: "echo.\(program).port").path
      // It prints its port.
      let script = #"exec "$0" echo >"$1""#
      let (starter, all) = Placement.apart.start("sh", ["-c", script, path, portFile])
      let port = { (try? String(contentsOfFile: portFile, encoding: .utf8)) ?? "" }
      let process = try setting.service("echo.\(program)", starter, all) {
        port().hasSuffix("\n")
      }
      try Placement.apart.settle(process.processIdentifier, setting)
      let finished = try setting.run(
        setting.peers.appending(path: "echo-load").path,
        [
          port().trimmingCharacters(in: .newlines), "--connections", "100", "--size", "64",
          "--cpu-of", "\(process.processIdentifier)",
        ] + (setting.isQuick ? ["--quick"] : []), pinning: .oneCPU)
      let numbers = finished.output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
      guard numbers.count == 2 else { throw Failure("echo-load printed: \(finished.output)") }
      return Cost(value: numbers[0], cpu: numbers[1])
    }
  }
}
