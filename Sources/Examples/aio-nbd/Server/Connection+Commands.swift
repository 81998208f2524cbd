// What requests do to the file. Each runs in a task of its own on the connection's context, and answers itself.

import AioGSource
import Glibc
import NBDProtocol
import SystemPackage

extension Connection {
  /// Extents of one block status: the client asks again for the rest.
  static let maximumExtents = 1024
  /// Extents of one read that is answered with holes; what is beyond them is read as data.
  private static let maximumChunks = 64

  func perform(_ work: Work) async {
    defer { traffic.requestEnded() }
    do throws(Errno) {
      switch work.command {
      case .read: try await read(work)
      case .write: try await write(work)
      case .flush:
        try await engine.synchronize(work.export.file, dataOnly: true)
        traffic.flushed()
        acknowledge(work)
      case .trim: try await trim(work)
      case .writeZeroes: try await writeZeroes(work)
      case .cache: try await cache(work)
      case .blockStatus: try await blockStatus(work)
      case .disconnect: preconditionFailure("a disconnection is not performed")
      }
    } catch {
      fail(work, error)
    }
  }

  func fail(_ work: Work, _ error: Errno) {
    answer(work.request, work.session, NBDError(error), "\(error)", in: work.piece)
  }

  private var context: AioContext { worker.context }

  // MARK: Reading

  /// A read that may be answered with holes; see `isPlainRead`.
  private func read(_ work: Work) async throws(Errno) {
    let extents = try await extents(work, maximum: Self.maximumChunks)
    if extents.contains(where: { $0.isHole }) { return try await read(work, extents) }
    let length = Int(work.request.length)
    try await read(work, 0..<length)
    traffic.didRead(length)
    answerWithData(work)
  }

  /// Reads into the same place of the piece.
  private func read(_ work: Work, _ part: Range<Int>) async throws(Errno) {
    let count = try await engine.read(
      from: work.export.file, at: Int64(work.request.offset) + Int64(part.lowerBound),
      into: work.piece.buffer, range: work.piece.range(part))
    // The file was cut short under us.
    if count < part.count { throw .ioError }
  }

  private func read(_ work: Work, _ extents: [FileExtent]) async throws(Errno) {
    let offset = Int64(work.request.offset)
    for extent in extents where !extent.isHole {
      let first = Int(extent.range.lowerBound - offset)
      try await read(work, first..<first + extent.range.count)
    }
    traffic.didRead(Int(work.request.length))
    answer(work, with: extents, headers: worker.pool.take(0))
  }

  /// The extents of the whole request: what the maximum leaves out is taken for data.
  private func extents(_ work: Work, maximum: Int) async throws(Errno) -> [FileExtent] {
    let range = Int64(work.request.offset)..<Int64(work.request.offset) + Int64(work.request.length)
    var extents = try await find(work.export, range, maximum: maximum - 1)
    let end = extents.last?.range.upperBound ?? range.lowerBound
    if end < range.upperBound {
      extents.append(FileExtent(range: end..<range.upperBound, isHole: false))
    }
    return extents
  }

  /// On a worker thread: lseek(2) may have to read from the disk.
  private func find(
    _ export: Export, _ range: Range<Int64>, maximum: Int
  ) async throws(Errno) -> [FileExtent] {
    do {
      return try await context.threadPool.submit {
        let block = Int64(export.description.minimumBlock)
        let extents = try Extents.find(
          in: export.file, range, block: block, maximum: maximum)
        // What a file has no more is no hole.
        if let size = export.currentSize, size < range.upperBound { throw Errno.ioError }
        return extents
      }
    } catch {
      throw error as? Errno ?? .ioError
    }
  }

  private func blockStatus(_ work: Work) async throws(Errno) {
    guard let contextID = work.session.allocationContext else { throw .invalidArgument }
    let offset = Int64(work.request.offset)
    let range = offset..<offset + Int64(work.request.length)
    let maximum = work.request.flags.contains(.oneExtent) ? 1 : Self.maximumExtents
    var extents = [FileExtent(range: range, isHole: false)]
    if work.export.isSparse {
      extents = try await find(work.export, range, maximum: maximum)
    }
    traffic.didOther()
    answerWithStatus(
      work,
      extents.map {
        Extent(length: UInt32($0.range.count), flags: $0.isHole ? [.hole, .zero] : [])
      }, of: contextID)
  }

  private func cache(_ work: Work) async throws(Errno) {
    let (export, request) = (work.export, work.request)
    do {
      try await context.threadPool.submit {
        let status = posix_fadvise(
          export.file.rawValue, off_t(request.offset),
          off_t(min(request.length, Export.maximumPayload)), POSIX_FADV_WILLNEED)
        if status != 0 { throw Errno(rawValue: status) }
      }
    } catch {
      throw error as? Errno ?? .ioError
    }
    traffic.didOther()
    acknowledge(work)
  }

  // MARK: Writing

  private func write(_ work: Work) async throws(Errno) {
    let length = Int(work.request.length)
    let count = try await engine.write(
      to: work.export.file, at: Int64(work.request.offset), from: work.piece.buffer,
      range: work.piece.range(0..<length))
    if count < length { throw .noSpace }
    try await finishWriting(work)
    traffic.didWrite(length)
    acknowledge(work)
  }

  /// With FUA, no reply before the data is on the disk.
  private func finishWriting(_ work: Work) async throws(Errno) {
    if work.request.flags.contains(.fua) {
      try await engine.synchronize(work.export.file, dataOnly: true)
    }
  }

  private func trim(_ work: Work) async throws(Errno) {
    do throws(Errno) {
      try await engine.allocate(.discard, range(work), in: work.export.file)
      work.export.madeHole()
    } catch .notSupported {
      // It was a hint.
    } catch .invalidArgument {
      // Of a block device, whose blocks are larger than what is trimmed.
    } catch {
      throw error
    }
    try await finishWriting(work)
    traffic.didOther()
    acknowledge(work)
  }

  private func writeZeroes(_ work: Work) async throws(Errno) {
    let keepsSpace = work.request.flags.contains(.noHole)
    var isDone = false
    if !keepsSpace {
      isDone = try await allocate(.discard, work)
      if isDone { work.export.madeHole() }
    }
    if !isDone { isDone = try await allocate(.zero, work) }
    if !isDone {
      // Not fast by any means, which some clients would rather do without.
      if work.request.flags.contains(.fastZero) { throw .notSupported }
      try await writeZeroBytes(work)
    }
    try await finishWriting(work)
    traffic.didOther()
    acknowledge(work)
  }

  /// False where the file system cannot.
  private func allocate(
    _ mode: AIOEngine.AllocationMode, _ work: Work
  ) async throws(Errno) -> Bool {
    do throws(Errno) {
      try await engine.allocate(mode, range(work), in: work.export.file)
      return true
    } catch .notSupported {
      return false
    } catch .invalidArgument {
      // Of a block device, whose blocks are larger than the range.
      return false
    } catch {
      throw error
    }
  }

  private func writeZeroBytes(_ work: Work) async throws(Errno) {
    var next = Int64(work.request.offset)
    let end = next + Int64(work.request.length)
    while next < end {
      if isCut || replies.failure != nil { throw .canceled }
      let count = min(Int(end - next), zeroes.count)
      let written = try await engine.write(
        to: work.export.file, at: next, from: zeroes, range: 0..<count)
      if written < count { throw .noSpace }
      next += Int64(written)
    }
  }

  private func range(_ work: Work) -> Range<Int64> {
    Int64(work.request.offset)..<Int64(work.request.offset) + Int64(work.request.length)
  }
}

/// Only ever read from.
private let zeroes = AIOBuffer(count: 256 << 10)
