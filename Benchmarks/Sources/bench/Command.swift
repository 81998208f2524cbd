// How one value of a row is had: by a program that is run and what becomes of it. A command says what it needs, so that
// what is not there is told of rather than failing.

import Foundation

struct Command: Sendable {
  /// What it lacks here, or nil.
  var missing: @Sendable (Setting) -> String? = { _ in nil }
  /// One run: the value, in the row's unit.
  let run: @Sendable (Setting, Pinning) throws -> Double

  /// A measuring program of ours, of this package. It prints the value.
  static func ours(_ program: String, _ arguments: String...) -> Command {
    printing(arguments) { $0.products.appending(path: program) }
  }

  /// A measuring program in C, of `peers/`. It prints the value.
  static func peer(_ program: String, _ arguments: String...) -> Command {
    printing(arguments) { $0.peers.appending(path: program) }
  }

  /// Any program of the system's; `value` makes of a finished run what the row counts.
  static func tool(
    _ program: String,
    arguments: @escaping @Sendable (Setting) throws -> [String],
    value: @escaping @Sendable (Finished) throws -> Double
  ) -> Command {
    Command(
      missing: { $0.find(program) == nil ? "\(program) is not installed" : nil },
      run: { setting, pinning in
        guard let path = setting.find(program) else { throw Failure("\(program) is gone") }
        return try value(
          setting.run(path, try arguments(setting), pinning: pinning))
      })
  }

  private static func printing(
    _ arguments: [String], _ program: @escaping @Sendable (Setting) -> URL
  ) -> Command {
    Command(
      missing: { setting in
        let path = program(setting).path
        return FileManager.default.isExecutableFile(atPath: path)
          ? nil : "\(program(setting).lastPathComponent) was not built"
      },
      run: { setting, pinning in
        let finished = try setting.run(
          program(setting).path, arguments + (setting.isQuick ? ["--quick"] : []), pinning: pinning)
        return try finished.number()
      })
  }
}

/// What a run that succeeded left behind.
struct Finished: Sendable {
  let program: String
  let output: String
  /// Seconds from start to end, and seconds of CPU time.
  let seconds: Double
  let cpuSeconds: Double

  /// The one number that a measuring program prints.
  func number() throws -> Double {
    guard let value = Double(output.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw Failure("\(program) printed no number but: \(output)")
    }
    return value
  }
}

/// A sentence that says what went wrong.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
