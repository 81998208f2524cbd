// What a child process says, by lines or until its end, within a limit. One thread.

import Glibc

final class Reader {
  /// Of silence.
  private static let limit: CInt = 20_000

  private let descriptor: CInt
  private var bytes: [UInt8] = []

  /// Owns the descriptor.
  init(_ descriptor: CInt) {
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// The next line; nil if none comes.
  func line() -> String? {
    while true {
      if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
        defer { bytes.removeSubrange(...end) }
        return String(decoding: bytes[..<end], as: UTF8.self)
      }
      guard let count = more(), count > 0 else { return nil }
    }
  }

  /// All that is left; nil if the end does not come.
  func rest() -> String? {
    while let count = more() {
      if count > 0 { continue }
      defer { bytes = [] }
      return String(decoding: bytes, as: UTF8.self)
    }
    return nil
  }

  /// How many bytes came, none at the end; nil if nothing comes.
  private func more() -> Int? {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let ready = poll(&poller, 1, Self.limit)
      if ready < 0 && errno == EINTR { continue }
      if ready <= 0 { return nil }
      break
    }
    var part = [UInt8](repeating: 0, count: 65_536)
    let count = read(descriptor, &part, part.count)
    if count > 0 { bytes += part[..<count] }
    return max(count, 0)
  }
}
