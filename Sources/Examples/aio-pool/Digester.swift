// A thread of the pool: an actor on an IOThread of its own, which reads files by the thread's context and digests them.

import AioGSource
import CGLib
import SystemPackage

/// What came of a file.
struct Outcome: Sendable {
  struct Digest: Sendable {
    let sha256: String
    let bytes: Int64
  }

  let result: Result<Digest, Errno>
  /// The number of the thread that had it.
  let thread: Int
}

actor Digester {
  /// What the page cache can answer without a thread, see the guide on engines.
  private static let blockSize = 64 << 10

  let thread: IOThread
  private let number: Int
  /// How many it has digested.
  private(set) var bytes: Int64 = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.context.unownedExecutor }

  init(number: Int) throws(AioError) {
    self.number = number
    thread = try IOThread(name: "pool-\(number)")
  }

  /// Digests a file, and then one after the other off the list, until there is none or the task is cancelled. Called several
  /// times at once, it has as many files under way: while one waits for the disk, another is digested.
  func work(on first: FileList.Entry, andThenOff list: FileList) async {
    let buffer = AIOBuffer(count: Self.blockSize)
    var next: FileList.Entry? = first
    while let file = next {
      let result: Result<Outcome.Digest, Errno>
      do throws(Errno) {
        result = .success(try await digest(FilePath(file.path), buffer))
      } catch {
        if error == .canceled { return }
        result = .failure(error)
      }
      // A hop to the list's thread, and back with another file.
      next = await list.put(Outcome(result: result, thread: number), for: file)
    }
  }

  private func digest(_ path: FilePath, _ buffer: AIOBuffer) async throws(Errno) -> Outcome.Digest {
    // Home thread only, which the actor is on.
    let engine = thread.context.io
    let file = try await engine.open(path, .readOnly)
    defer { try? file.close() }
    let checksum = Checksum()
    var offset: Int64 = 0
    while true {
      let count = try await engine.read(from: file, at: offset, into: buffer)
      if count == 0 { return Outcome.Digest(sha256: checksum.text, bytes: offset) }
      checksum.update(buffer, count)
      offset += Int64(count)
      bytes += Int64(count)
    }
  }
}

/// A `GChecksum`.
private final class Checksum {
  private let pointer = g_checksum_new(G_CHECKSUM_SHA256)!

  deinit { g_checksum_free(pointer) }

  func update(_ buffer: AIOBuffer, _ count: Int) {
    buffer.withBytes {
      g_checksum_update(pointer, $0.baseAddress!.assumingMemoryBound(to: UInt8.self), count)
    }
  }

  /// No `update` after it.
  var text: String { String(cString: g_checksum_get_string(pointer)) }
}
