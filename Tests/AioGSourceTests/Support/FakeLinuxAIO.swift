// The fake kernel's Linux AIO: a context without a ring that could be mapped, so that completions are asked for. Home
// thread.

import CLiburing
import Glibc

@testable import AioGSource

final class FakeLinuxAIO: @unchecked Sendable {
  private let script: Script
  /// What io_setup answers, in order; after them, 0.
  var setUpAnswers: [CInt] = []
  /// The depths it was asked for.
  private(set) var depthsAsked: [UInt32] = []
  private(set) var isDestroyed = false
  /// Whether asking for what is held to be cancelled helps.
  var canCancel = true

  /// What a context is known by: memory that is no ring.
  private let handle: UnsafeMutableRawPointer
  private var depth = 0
  private var held: [(block: UnsafeMutablePointer<iocb>, piece: Piece)] = []
  private var events: [io_event] = []

  init(script: Script) {
    self.script = script
    handle = .allocate(byteCount: 4096, alignment: 4096)
    handle.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
  }

  deinit { handle.deallocate() }

  // MARK: What the kernel is called for

  func setUp(_ entries: UInt32, _ context: UnsafeMutablePointer<aio_context_t>) -> Int {
    depthsAsked.append(entries)
    let answer = setUpAnswers.isEmpty ? 0 : setUpAnswers.removeFirst()
    if answer != 0 { return -Int(answer) }
    depth = Int(entries)
    context.pointee = aio_context_t(UInt(bitPattern: handle))
    return 0
  }

  func submit(_ blocks: [UnsafeMutablePointer<iocb>]) -> Int {
    var limit = blocks.count
    switch script.nextSubmission() {
    case .error(let code): return -Int(code)
    case .accept(let count): limit = min(limit, count)
    case nil: break
    }
    for (index, block) in blocks.prefix(limit).enumerated() {
      // What is finished and not taken has its place still.
      if held.count + events.count >= depth { return index == 0 ? -Int(EAGAIN) : index }
      let piece = Self.piece(block)
      let answer = script.next(piece)
      if case .refuse(let code) = answer {
        if index == 0 { return -Int(code) }
        script.takeBack(piece, answer)
        return index
      }
      if let result = Script.result(answer, piece) {
        complete(block, result)
      } else {
        held.append((block, piece))
      }
    }
    return limit
  }

  func cancel(_ block: UnsafeMutablePointer<iocb>) -> Int {
    guard canCancel, let index = held.firstIndex(where: { $0.block == block }) else {
      return -Int(EINVAL)
    }
    held.remove(at: index)
    complete(block, -Int(ECANCELED))
    return -Int(EINPROGRESS)
  }

  /// Whoever waits while something is held waits until that is done.
  func getEvents(minimum: Int, _ places: UnsafeMutableBufferPointer<io_event>) -> Int {
    if events.count < minimum { release() }
    let count = min(events.count, places.count)
    for index in 0..<count { places[index] = events[index] }
    events.removeFirst(count)
    return count
  }

  func destroy() { isDestroyed = true }

  // MARK: Requests

  private static func piece(_ block: UnsafeMutablePointer<iocb>) -> Piece {
    var piece = Piece(
      way: .linuxAIO, kind: .other, descriptor: CInt(bitPattern: block.pointee.aio_fildes),
      offset: block.pointee.aio_offset, flags: block.pointee.aio_rw_flags)
    let code = CInt(block.pointee.aio_lio_opcode)
    switch code {
    case CInt(IOCB_CMD_PREAD), CInt(IOCB_CMD_PREADV): piece.kind = .read
    case CInt(IOCB_CMD_PWRITE), CInt(IOCB_CMD_PWRITEV): piece.kind = .write
    default:
      piece.kind = .synchronize
      return piece
    }
    let address = UnsafeMutableRawPointer(bitPattern: UInt(block.pointee.aio_buf))
    let count = Int(block.pointee.aio_nbytes)
    if code == CInt(IOCB_CMD_PREAD) || code == CInt(IOCB_CMD_PWRITE) {
      piece.vectors = [iovec(iov_base: address, iov_len: count)]
    } else {
      let vectors = address!.assumingMemoryBound(to: iovec.self)
      piece.vectors = Array(UnsafeBufferPointer(start: vectors, count: count))
    }
    return piece
  }

  private func complete(_ block: UnsafeMutablePointer<iocb>, _ result: Int) {
    var event = io_event()
    event.data = block.pointee.aio_data
    event.obj = UInt64(UInt(bitPattern: block))
    event.res = Int64(result)
    events.append(event)
    precondition(block.pointee.aio_flags & UInt32(IOCB_FLAG_RESFD) != 0)
    var value: UInt64 = 1
    _ = write(CInt(bitPattern: block.pointee.aio_resfd), &value, 8)
  }

  var heldCount: Int { held.count }

  /// What is held is answered.
  func release(_ answer: Answer = .perform) {
    let released = held
    held = []
    for (block, piece) in released { complete(block, Script.result(answer, piece)!) }
  }
}
