// A program that the package builds, run by a test, and a folder for its files.

import Foundation
import Testing

/// A process of one of the package's products, which stands beside the tests.
final class Program {
  struct Outcome {
    let status: Int32
    /// All it said on stdout.
    let output: String
    /// All it said on stderr.
    let complaint: String
  }

  private let process = Process()
  private let errors = Pipe()
  private let answers = Pipe()

  /// Starts it.
  ///
  /// - Parameter limit: how large a file it may write, in the blocks of the shell's `ulimit -f`: 512 bytes.
  init(_ name: String, _ arguments: [String], limit: Int? = nil) throws {
    let program = try Self.url(name)
    if let limit {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments =
        ["-c", "ulimit -f \(limit); exec \"$@\"", "sh", program.path] + arguments
    } else {
      process.executableURL = program
      process.arguments = arguments
    }
    process.standardError = errors
    process.standardOutput = answers
    // The threads that tests run on have all signals blocked, which the process would inherit.
    var none = sigset_t()
    var before = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  static func url(_ name: String) throws -> URL {
    let tests = try #require(Bundle.main.executableURL)
    return tests.deletingLastPathComponent().appendingPathComponent(name)
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for its end.
  func outcome() -> Outcome {
    // What is said fits into the pipes: one can be read after the other.
    let complaint = errors.fileHandleForReading.readDataToEndOfFile()
    let output = answers.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
      complaint: String(decoding: complaint, as: UTF8.self))
  }
}

/// A temporary directory, and what is in it; gone with the test.
final class Folder {
  let path: String

  init() throws {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("aio-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    path = directory.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  subscript(name: String) -> String { "\(path)/\(name)" }

  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  @discardableResult
  func write(_ data: Data, to name: String) throws -> String {
    try data.write(to: URL(fileURLWithPath: self[name]))
    return self[name]
  }

  func data(of name: String) throws -> Data {
    Data(try bytes(ofFile: self[name]))
  }
}
