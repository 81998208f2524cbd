// How each operation is written into an entry of a ring, and which of them a kernel's ring has.

import CLiburing
import Glibc

enum RingEntry {
  /// What the kernel takes of one transfer at the most.
  static let maximumTransfer = 0x7fff_f000

  /// Fills a zeroed entry; user_data is the caller's.
  @inline(__always)
  static func fill(_ entry: UnsafeMutablePointer<io_uring_sqe>, _ request: Request) {
    entry.pointee.fd = request.pointee.descriptor
    if request.pointee.isForcedElsewhere {
      entry.pointee.flags = UInt8(1 << IOSQE_ASYNC_BIT)
    }
    if request.pointee.isAwaitingReadiness {
      fillPoll(entry, request.pointee.operation.readiness)
      return
    }
    switch request.pointee.operation {
    case .read: fillTransfer(entry, request, IORING_OP_READ, IORING_OP_READ_FIXED)
    case .write: fillTransfer(entry, request, IORING_OP_WRITE, IORING_OP_WRITE_FIXED)
    default: fillUncommon(entry, request)
    }
  }

  @inline(__always)
  private static func fillTransfer(
    _ entry: UnsafeMutablePointer<io_uring_sqe>, _ request: Request, _ operation: io_uring_op,
    _ fixed: io_uring_op
  ) {
    let isFixed = request.pointee.bufferIndex >= 0
    entry.pointee.opcode = UInt8(isFixed ? fixed.rawValue : operation.rawValue)
    entry.pointee.addr = UInt64(UInt(bitPattern: request.restAddress))
    entry.pointee.len = UInt32(min(request.pointee.transfer.rest, maximumTransfer))
    entry.pointee.off = UInt64(bitPattern: request.position)
    if isFixed { entry.pointee.buf_index = UInt16(request.pointee.bufferIndex) }
  }

  private static func fillPoll(_ entry: UnsafeMutablePointer<io_uring_sqe>, _ events: UInt32) {
    entry.pointee.opcode = UInt8(IORING_OP_POLL_ADD.rawValue)
    entry.pointee.poll32_events = events
  }

  @inline(never)
  private static func fillUncommon(
    _ entry: UnsafeMutablePointer<io_uring_sqe>, _ request: Request
  ) {
    let address = UInt64(UInt(bitPattern: request.pointee.address))
    let flags = request.pointee.flags
    func set(_ operation: io_uring_op) { entry.pointee.opcode = UInt8(operation.rawValue) }
    switch request.pointee.operation {
    case .readVector, .writeVector:
      set(request.pointee.operation == .readVector ? IORING_OP_READV : IORING_OP_WRITEV)
      let vectors = unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: Vectors.self)
      entry.pointee.addr = UInt64(UInt(bitPattern: vectors.rest))
      entry.pointee.len = UInt32(vectors.restCount)
      entry.pointee.off = UInt64(bitPattern: request.position)
    case .synchronize: set(IORING_OP_FSYNC)
    case .synchronizeData:
      set(IORING_OP_FSYNC)
      entry.pointee.fsync_flags = UInt32(IORING_FSYNC_DATASYNC)
    case .allocate:
      set(IORING_OP_FALLOCATE)
      entry.pointee.off = UInt64(bitPattern: request.pointee.offset)
      entry.pointee.addr = UInt64(request.pointee.transfer.length)
      entry.pointee.len = flags
    case .status:
      set(IORING_OP_STATX)
      let status = unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: StatusQuery.self)
      entry.pointee.addr = UInt64(UInt(bitPattern: status.path))
      entry.pointee.off = UInt64(UInt(bitPattern: status.memory))
      entry.pointee.len = StatusQuery.mask
      entry.pointee.statx_flags = status.flags
    case .open:
      set(IORING_OP_OPENAT)
      entry.pointee.addr = address
      entry.pointee.open_flags = flags
      entry.pointee.len = UInt32(truncatingIfNeeded: request.pointee.offset)
    case .close: set(IORING_OP_CLOSE)
    case .accept:
      set(IORING_OP_ACCEPT)
      let peer = unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: PeerAddress.self)
      entry.pointee.addr = UInt64(UInt(bitPattern: peer.storage))
      entry.pointee.off = UInt64(UInt(bitPattern: peer.length))
      entry.pointee.accept_flags = flags
    case .connect:
      set(IORING_OP_CONNECT)
      entry.pointee.addr = address
      entry.pointee.off = UInt64(request.pointee.offset)
    case .receive, .send:
      set(request.pointee.operation == .receive ? IORING_OP_RECV : IORING_OP_SEND)
      entry.pointee.addr = address
      entry.pointee.len = UInt32(min(request.pointee.transfer.length, maximumTransfer))
      entry.pointee.msg_flags = flags
    case .receiveMessage, .sendMessage:
      set(request.pointee.operation == .receiveMessage ? IORING_OP_RECVMSG : IORING_OP_SENDMSG)
      entry.pointee.addr = address
      entry.pointee.len = 1
      entry.pointee.msg_flags = flags
    case .shutDown:
      set(IORING_OP_SHUTDOWN)
      entry.pointee.len = flags
    case .poll: fillPoll(entry, flags)
    case .timeout:
      set(IORING_OP_TIMEOUT)
      entry.pointee.fd = -1
      entry.pointee.addr = UInt64(UInt(bitPattern: RequestNode.time(of: request)))
      entry.pointee.len = 1
    case .raw:
      unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: RawSubmission.self).prepare(entry)
      // Its completion is what ends the request.
      entry.pointee.flags &= ~UInt8(1 << IOSQE_CQE_SKIP_SUCCESS_BIT)
    case .nothing: set(IORING_OP_NOP)
    case .read, .write, .job: preconditionFailure("not an operation of a ring")
    }
  }

  /// A bit per operation.
  static func supportedOperations(_ ring: Ring) -> UInt64 {
    let needs: [(Operation, [io_uring_op])] = [
      (.read, [IORING_OP_READ]), (.write, [IORING_OP_WRITE]),
      (.readVector, [IORING_OP_READV]), (.writeVector, [IORING_OP_WRITEV]),
      (.synchronize, [IORING_OP_FSYNC]), (.synchronizeData, [IORING_OP_FSYNC]),
      (.allocate, [IORING_OP_FALLOCATE]), (.status, [IORING_OP_STATX]),
      (.open, [IORING_OP_OPENAT]), (.close, [IORING_OP_CLOSE]), (.accept, [IORING_OP_ACCEPT]),
      (.connect, [IORING_OP_CONNECT]), (.receive, [IORING_OP_RECV]), (.send, [IORING_OP_SEND]),
      (.receiveMessage, [IORING_OP_RECVMSG]), (.sendMessage, [IORING_OP_SENDMSG]),
      (.shutDown, [IORING_OP_SHUTDOWN]), (.poll, [IORING_OP_POLL_ADD]),
      (.timeout, [IORING_OP_TIMEOUT]), (.raw, [IORING_OP_NOP]), (.nothing, [IORING_OP_NOP]),
    ]
    var supported: UInt64 = 0
    for (operation, codes) in needs where ring.supports(codes) {
      supported |= 1 << UInt64(operation.rawValue)
    }
    return supported
  }
}

extension Operation {
  /// What a descriptor has to be ready for.
  var readiness: UInt32 {
    switch self {
    case .write, .writeVector, .send, .sendMessage, .connect: return UInt32(POLLOUT)
    default: return UInt32(POLLIN)
    }
  }
}
