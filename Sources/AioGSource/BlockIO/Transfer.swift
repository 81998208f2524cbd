// How far a request has come, and what its next result means: done, or once more for the rest. A value that makes no
// system call, so that every engine, and every test, decides alike. Contract 20.6, 21.3.
//
// A positioned transfer is whole or an error: short ones continue where they stopped (the position and the count are
// both added to, c06fc7ce14), a read stops early only at the end of the file, and a write that does not get on has no
// space. A stream's transfer is over with the first byte; where there is none yet it waits for the descriptor.

import Glibc

struct Transfer: Equatable {
  enum Kind: UInt8 {
    /// The result is what it is: fsync, openat, connect.
    case plain
    /// The same, and not to be made again after EINTR either: close, which has closed all the same.
    case once
    /// The same, but waits for readiness where the descriptor does not block: accept, receive, send, read without offset.
    case stream
    case positionedRead
    case positionedWrite
  }

  enum Action: Equatable {
    /// Over, with a count or a negative errno.
    case finish(Int)
    /// Over at the end of the file, with a count: what is left of the buffer is to be zeroed.
    case finishAtEnd(Int)
    /// Once more, from `done` on.
    case again
    /// The same, but not at once on this thread: the kernel had no resources for that.
    case againElsewhere
    /// Once more when the descriptor is ready.
    case awaitReadiness
  }

  /// How often a positioned transfer may be told EAGAIN in a row before that is its result.
  static let maximumRetries: UInt8 = 16

  let kind: Kind
  private var retries: UInt8 = 0
  /// Bytes wanted, of a positioned transfer.
  let length: Int
  /// Bytes transferred so far.
  private(set) var done = 0

  init(_ kind: Kind, length: Int = 0) {
    self.kind = kind
    self.length = length
  }

  var rest: Int { length - done }

  /// Takes in a result: a count, or a negative errno.
  @inline(__always)
  mutating func take(_ result: Int) -> Action {
    // What nearly all requests come to.
    if result == length && done == 0 { return .finish(result) }
    return takeUncommon(result)
  }

  private mutating func takeUncommon(_ result: Int) -> Action {
    if result < 0 { return takeError(result) }
    if kind == .plain || kind == .once || kind == .stream { return .finish(result) }
    retries = 0
    if result == 0 {
      if rest == 0 { return .finish(done) }
      return kind == .positionedRead ? .finishAtEnd(done) : .finish(-Int(ENOSPC))
    }
    // More than was asked for is a lie of somebody's; counting it would have the next part start beyond the buffer.
    done += min(result, rest)
    return rest == 0 ? .finish(done) : .again
  }

  private mutating func takeError(_ result: Int) -> Action {
    switch -result {
    case Int(EINTR) where kind != .once: return .again
    case Int(EINVAL) where kind == .positionedRead && done % 512 != 0:
      // With O_DIRECT only the file's end leaves a part that is no whole block, and from there some file systems refuse
      // to read on where others say that there is nothing.
      return .finishAtEnd(done)
    case Int(EAGAIN):
      switch kind {
      case .plain, .once: return .finish(result)
      case .stream: return .awaitReadiness
      case .positionedRead, .positionedWrite:
        retries += 1
        return retries > Self.maximumRetries ? .finish(result) : .againElsewhere
      }
    default: return .finish(result)
    }
  }
}
