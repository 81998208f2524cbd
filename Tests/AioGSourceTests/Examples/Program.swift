// A program that the package builds, run by a test, and a folder for its files.

import Foundation
import Glibc
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

  private let process: pid_t
  private let errors: CInt
  private let answers: CInt

  /// Starts a product of the package.
  ///
  /// - Parameter limit: how large a file it may write, in the blocks of the shell's `ulimit -f`: 512 bytes.
  convenience init(_ name: String, _ arguments: [String], limit: Int? = nil) throws {
    let program = try Self.url(name).path
    let words =
      limit.map { ["/bin/sh", "-c", "ulimit -f \($0); exec \"$@\"", "sh", program] } ?? [program]
    try self.init(words + arguments)
  }

  /// Starts a program by its path. Not by Foundation, which leaks a little for each process, and hands on to it that the
  /// threads that tests run on have all signals blocked.
  ///
  /// - Parameter terminal: where its stderr goes; to `outcome` unless given.
  init(_ words: [String], terminal: CInt? = nil) throws {
    let outputs = try Self.pipe()
    let complaints = try Self.pipe()
    defer { for end in [outputs.write, complaints.write] { close(end) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, outputs.write, 1)
    posix_spawn_file_actions_adddup2(&actions, terminal ?? complaints.write, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var vector = words.map { strdup($0) } + [nil]
    defer { for word in vector { free(word) } }
    // Those that trap are meant to, and Swift's backtracer, which holds their pipes, has been seen to wait for ever.
    let quiet = strdup("SWIFT_BACKTRACE=enable=no")
    defer { free(quiet) }
    var environment = [quiet]
    var inherited = environ
    while let entry = inherited.pointee {
      environment.append(entry)
      inherited += 1
    }
    environment.append(nil)
    var process: pid_t = 0
    let status = posix_spawn(&process, words[0], &actions, &attributes, &vector, &environment)
    try #require(status == 0)
    self.process = process
    errors = complaints.read
    answers = outputs.read
  }

  deinit {
    close(errors)
    close(answers)
  }

  /// Both ends are closed on exec.
  private static func pipe() throws -> (read: CInt, write: CInt) {
    var ends: [CInt] = [-1, -1]
    try #require(Glibc.pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  static func url(_ name: String) throws -> URL {
    let tests = try #require(Bundle.main.executableURL)
    return tests.deletingLastPathComponent().appendingPathComponent(name)
  }

  func send(_ signal: Int32) { kill(process, signal) }

  /// Waits for its end.
  func outcome() -> Outcome {
    // Both at once: whichever is not read may fill up, and hold the program.
    let complaints = Box("")
    let reading = TestThread { [errors] in complaints.value = Self.text(errors) }
    let output = Self.text(answers)
    reading.join()
    let complaint = complaints.value
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    // Negative: the signal that ended it.
    let code = status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
    return Outcome(status: code, output: output, complaint: complaint)
  }

  private static func text(_ end: CInt) -> String {
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(end, &part, part.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += part[..<count]
    }
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
