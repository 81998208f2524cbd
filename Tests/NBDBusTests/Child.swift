// A program that a test starts, and talks to by lines and signals. Whatever it is waited for has a limit; it is gone with
// the test. One thread.

import Glibc
import Testing

final class Child {
  struct Outcome {
    /// Negative: the signal that ended it.
    let status: CInt
    /// What it said on stdout, less the lines that were read before.
    let output: String
    /// All it said on stderr, which fits into a socket's buffer.
    let complaint: String
  }

  struct Silence: Error, CustomStringConvertible {
    let description: String
  }

  private let name: String
  private var process: pid_t = 0
  private let outputs: Reader
  private let complaints: Reader

  /// - Parameters:
  ///   - words: the program's path, and its arguments.
  ///   - bus: its session bus; this process's unless given.
  init(_ words: [String], bus: String? = nil) throws {
    name = words[0]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var ends: [CInt] = []
    for number in CInt(1)...2 {
      // A pair of sockets, for no child that is started meanwhile may have its ends, and a pipe has no flag for that here.
      var pair: [CInt] = [-1, -1]
      let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
      try #require(socketpair(AF_UNIX, type, 0, &pair) == 0)
      posix_spawn_file_actions_adddup2(&actions, pair[1], number)
      ends += pair
    }
    (outputs, complaints) = (Reader(ends[0]), Reader(ends[2]))
    defer {
      close(ends[1])
      close(ends[3])
    }
    // The threads that tests run on have all signals blocked.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var vector = words.map { strdup($0) } + [nil]
    var variables = Self.environment(bus: bus).map { strdup($0) } + [nil]
    defer { for word in vector + variables { free(word) } }
    try #require(posix_spawn(&process, words[0], &actions, &attributes, &vector, &variables) == 0)
  }

  deinit {
    if process != 0 { end(SIGKILL) }
  }

  func send(_ signal: CInt) { kill(process, signal) }

  /// Its next line on stdout.
  func line() throws -> String {
    guard let line = outputs.line() else { throw Silence(description: "\(name) said no line") }
    return line
  }

  /// Waits for its end, and kills it if that does not come.
  func outcome() -> Outcome {
    let (output, complaint) = (outputs.rest(), complaints.rest())
    let isOver = output != nil && complaint != nil
    let status = end(isOver ? 0 : SIGKILL)
    return Outcome(status: status, output: output ?? "", complaint: complaint ?? "")
  }

  @discardableResult
  private func end(_ signal: CInt) -> CInt {
    if signal != 0 { kill(process, signal) }
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    process = 0
    return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
  }

  /// This process's, with another session bus.
  private static func environment(bus: String?) -> [String] {
    var variables: [String] = []
    var next = environ
    while let variable = next.pointee {
      variables.append(String(cString: variable))
      next += 1
    }
    // What gdbus says is compared.
    variables.removeAll { $0.hasPrefix("LC_ALL=") }
    variables.append("LC_ALL=C.UTF-8")
    guard let bus else { return variables }
    variables.removeAll { $0.hasPrefix("DBUS_SESSION_BUS_ADDRESS=") }
    return variables + ["DBUS_SESSION_BUS_ADDRESS=\(bus)"]
  }
}
