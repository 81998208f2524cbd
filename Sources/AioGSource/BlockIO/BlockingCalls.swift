// A request carried out on the spot, by a thread that may wait for it: a worker's.

import CLiburing
import Glibc
import SystemPackage

enum BlockingCalls {
  /// All of the request, short transfers continued: what its result is. The phase is `submitted`, and stays.
  static func carryOut(_ request: Request, _ kernel: Kernel) -> Int {
    while true {
      let result = call(request, kernel)
      let before = request.pointee.transfer.done
      let action = request.pointee.transfer.take(result)
      (request.pointee.owner as? Payload)?.advance(by: request.pointee.transfer.done - before)
      switch action {
      case .finish(let result): return result
      case .finishAtEnd(let count):
        request.zeroRest()
        return count
      case .again: break
      case .againElsewhere: sched_yield()
      case .awaitReadiness:
        var record = pollfd(
          fd: request.pointee.descriptor, events: Int16(request.pointee.operation.readiness),
          revents: 0)
        _ = kernel.poll(&record, 1, nil)
      }
    }
  }

  /// One system call: its result, or a negative errno.
  private static func call(_ request: Request, _ kernel: Kernel) -> Int {
    let descriptor = request.pointee.descriptor
    switch request.pointee.operation {
    case .read, .write:
      var vector = iovec(
        iov_base: request.restAddress,
        iov_len: min(request.pointee.transfer.rest, RingEntry.maximumTransfer))
      return transfer(request, &vector, 1, kernel)
    case .readVector, .writeVector:
      let vectors = unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: Vectors.self)
      return transfer(request, vectors.rest, CInt(vectors.restCount), kernel)
    case .synchronize: return Int(kernel.synchronize(descriptor))
    case .synchronizeData: return Int(kernel.synchronizeData(descriptor))
    case .allocate:
      return Int(
        kernel.allocate(
          descriptor, CInt(request.pointee.flags), request.pointee.offset,
          request.pointee.transfer.length))
    case .status:
      let query = unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: StatusQuery.self)
      return Int(
        kernel.status(
          descriptor, query.path, CInt(query.flags), StatusQuery.mask, query.memory))
    case .open:
      let path = unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: Path.self)
      return Int(
        kernel.open(
          descriptor, path.pointer, CInt(bitPattern: request.pointee.flags),
          mode_t(request.pointee.offset)))
    case .close: return Int(kernel.close(descriptor))
    case .shutDown: return Int(kernel.shutDown(descriptor, CInt(request.pointee.flags)))
    case .accept, .connect, .receive, .send, .receiveMessage, .sendMessage:
      return SocketCalls.call(request, mayBlock: true, kernel)
    case .job:
      unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: Job.self).run()
      return 0
    case .nothing: return 0
    case .poll, .timeout, .raw: return -Int(EINVAL)
    }
  }

  private static func transfer(
    _ request: Request, _ vectors: UnsafePointer<iovec>, _ count: CInt, _ kernel: Kernel
  ) -> Int {
    let isRead = request.pointee.operation == .read || request.pointee.operation == .readVector
    return isRead
      ? kernel.read(request.pointee.descriptor, vectors, count, request.position, 0)
      : kernel.write(request.pointee.descriptor, vectors, count, request.position, 0)
  }
}
