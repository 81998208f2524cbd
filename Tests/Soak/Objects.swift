// Small things that operations hold: descriptors that are closed once, and counters of one home thread.

import AioGSource
import Glibc
import SystemPackage

/// Home thread.
final class Counted: @unchecked Sendable {
  private(set) var value = 0

  func next() -> Int {
    defer { value += 1 }
    return value
  }
}

/// Home thread.
final class Held: @unchecked Sendable {
  var value: AnyObject?
}

final class Pipe: @unchecked Sendable {
  let reader: FileDescriptor
  private let writer: FileDescriptor

  init() {
    var ends: [CInt] = [0, 0]
    check(pipe(&ends) == 0, "pipe: errno \(errno)")
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    reader = FileDescriptor(rawValue: ends[0])
    writer = FileDescriptor(rawValue: ends[1])
  }

  func write(_ byte: UInt8) {
    var byte = byte
    check(Glibc.write(writer.rawValue, &byte, 1) == 1, "a pipe is full")
  }

  func close() {
    Glibc.close(reader.rawValue)
    Glibc.close(writer.rawValue)
  }
}

final class SocketPair: @unchecked Sendable {
  let one: FileDescriptor
  let other: FileDescriptor

  init() {
    var ends: [CInt] = [0, 0]
    let type =
      CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    check(socketpair(AF_UNIX, type, 0, &ends) == 0, "socketpair: errno \(errno)")
    one = FileDescriptor(rawValue: ends[0])
    other = FileDescriptor(rawValue: ends[1])
  }

  func writeToOther(_ byte: UInt8) {
    var byte = byte
    check(write(other.rawValue, &byte, 1) == 1, "a socket is full")
  }

  func close() {
    Glibc.close(one.rawValue)
    Glibc.close(other.rawValue)
  }
}
