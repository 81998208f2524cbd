// Descriptors for tests: pairs that close themselves, and how many the process has.

import CLiburing
import Glibc
import SystemPackage
import Testing

/// A pipe, or two connected sockets; both ends do not block.
final class Pair: @unchecked Sendable {
  private(set) var reader: FileDescriptor
  private(set) var writer: FileDescriptor

  private init(_ ends: (CInt, CInt)) {
    reader = FileDescriptor(rawValue: ends.0)
    writer = FileDescriptor(rawValue: ends.1)
    for end in [ends.0, ends.1] {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
  }

  static func pipe() -> Pair {
    var ends: [CInt] = [-1, -1]
    precondition(Glibc.pipe(&ends) == 0)
    return Pair((ends[0], ends[1]))
  }

  static func sockets() -> Pair {
    var ends: [CInt] = [-1, -1]
    precondition(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
    return Pair((ends[0], ends[1]))
  }

  deinit {
    closeReader()
    closeWriter()
  }

  func closeReader() {
    if reader.rawValue >= 0 { close(reader.rawValue) }
    reader = FileDescriptor(rawValue: -1)
  }

  func closeWriter() {
    if writer.rawValue >= 0 { close(writer.rawValue) }
    writer = FileDescriptor(rawValue: -1)
  }

  func write(_ text: String = "x") {
    _ = text.withCString { Glibc.write(writer.rawValue, $0, strlen($0)) }
  }

  /// Reads what there is; the number of bytes, 0 at the end, -1 where there is nothing.
  @discardableResult
  func drain() -> Int {
    Self.drain(reader)
  }

  @discardableResult
  static func drain(_ descriptor: FileDescriptor) -> Int {
    var buffer = [UInt8](repeating: 0, count: 4096)
    return Glibc.read(descriptor.rawValue, &buffer, buffer.count)
  }

  /// Writes until the other end takes no more.
  func fill() {
    let block = [UInt8](repeating: 0, count: 65536)
    while Glibc.write(writer.rawValue, block, block.count) > 0 {}
    while Glibc.write(writer.rawValue, block, 1) > 0 {}
  }
}

/// How many descriptors and threads the process has.
func openDescriptors() -> Int { entries(of: "/proc/self/fd") }
func threadCount() -> Int { entries(of: "/proc/self/task") }

/// Whether there are at most so many threads, within a second: one that was joined may be a moment in going.
func threadsComeDown(to count: Int) -> Bool {
  for _ in 0..<1_000 {
    if threadCount() <= count { return true }
    usleep(1_000)
  }
  return false
}

private func entries(of path: String) -> Int {
  guard let directory = opendir(path) else { return -1 }
  defer { closedir(directory) }
  var count = 0
  while readdir(directory) != nil { count += 1 }
  return count
}
