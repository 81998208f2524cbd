// A file, read through the context's engine and digested on the way: while a block is being digested, the next is being
// read. Cancelling the task that runs it cancels the read in the kernel. Main actor.

import AioGSource
import Glibc
import SystemPackage

@MainActor final class Digest {
  /// What a read does before it waits, the main thread does: with more, a frame would feel it.
  private static let blockSize = 256 << 10

  let path: FilePath
  /// Bytes, when it was opened.
  private(set) var size: Int64 = 0
  /// How many of them are digested.
  private(set) var digested: Int64 = 0

  private let engine: AIOEngine
  private let checksum: Checksum
  private let buffers = [AIOBuffer(count: blockSize), AIOBuffer(count: blockSize)]

  init(of path: FilePath, with engine: AIOEngine, on thread: IOThread) {
    self.path = path
    self.engine = engine
    checksum = Checksum(on: thread)
  }

  /// The digest of the whole file, once.
  func run() async throws -> String {
    // Before the open, which would wait for the other end of a pipe.
    try check(try await engine.status(of: path))
    let file = try await engine.open(path, .readOnly)
    // Which does not wait, for a file that was only read.
    defer { try? file.close() }
    let status = try await engine.status(of: file)
    try check(status)
    size = status.size
    // The next block is read ahead by us. The kernel would take a window that may be of many MiB, and fill it as far as it
    // can without a disk, which for a hole is all of it, while the main thread submits the read.
    posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_RANDOM)

    var index = 0
    var count = try await read(file, at: 0, into: buffers[0])
    while count > 0 {
      let block = buffers[index]
      index = 1 - index
      let (end, spare) = (digested + Int64(count), buffers[index])
      async let next = read(file, at: end, into: spare)
      await checksum.update(block, count: count)
      digested = end
      count = try await next
    }
    if digested < size { throw Failure("it became shorter while it was read") }
    return await checksum.finish()
  }

  private func read(
    _ file: FileDescriptor, at offset: Int64, into buffer: AIOBuffer
  ) async throws(Errno) -> Int {
    try await engine.read(from: file, at: offset, into: buffer)
  }

  private func check(_ status: FileStatus) throws {
    if !status.isRegularFile { throw Failure("it is not a regular file") }
  }
}
