// Reads that are one request to the file and one reply, which most are: with a completion in place of a task, whose making,
// queueing and ending a small read would feel (nbd.read.4k in scripts/bench). On the connection's context.

import AioGSource
import NBDProtocol
import SystemPackage

extension Connection {
  /// Bytes: a read of less is not worth looking for holes.
  private static let smallestSparseRead = 32 << 10

  /// Whether nothing has to be known before the read.
  func isPlainRead(_ work: Work) -> Bool {
    guard work.command == .read else { return false }
    return !work.session.structuredReplies || !work.export.isSparse
      || work.request.length < Self.smallestSparseRead
      || work.request.flags.contains(.doNotFragment)
  }

  func startPlainRead(_ work: Work) {
    plainReads.begin()
    let length = Int(work.request.length)
    engine.read(
      from: work.export.file, at: Int64(work.request.offset), into: work.piece.buffer,
      range: work.piece.range(0..<length)
    ) { result in
      self.finishPlainRead(work, result)
    }
  }

  private func finishPlainRead(_ work: Work, _ result: Result<Int, Errno>) {
    switch result {
    case .success(let count) where count == work.request.length:
      traffic.didRead(count)
      answerWithData(work)
    case .success:
      // The file was cut short under us.
      fail(work, .ioError)
    case .failure(let error): fail(work, error)
    }
    traffic.requestEnded()
    plainReads.end()
  }
}

/// How many of something are under way, for one task that waits until there is none. One context's.
final class Pending {
  private var count = 0
  private var waiting: UnsafeContinuation<Void, Never>?

  func begin() { count += 1 }

  func end() {
    count -= 1
    if count == 0, let continuation = waiting {
      waiting = nil
      continuation.resume()
    }
  }

  func finish() async {
    if count > 0 { await withUnsafeContinuation { waiting = $0 } }
  }
}
