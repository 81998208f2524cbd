// A request on the inside: raw memory at a stable address, which the kernel hands back with the completion, taken from a
// pool and given back, so that in steady state nothing is allocated for one.
//
// The home thread's, except while a worker has it (phase `submitted`, engine threads): then the worker's, and handing it
// over and back is the pool's business.

import CLiburing
import Glibc
import Synchronization
import SystemPackage

typealias Request = UnsafeMutablePointer<RequestNode>

/// What a request asks for.
enum Operation: UInt8 {
  case read, write, readVector, writeVector
  case synchronize, synchronizeData, allocate
  case status, open, close
  case accept, connect, receive, send, receiveMessage, sendMessage, shutDown
  case poll, timeout
  /// A submission that the caller prepares; io_uring only.
  case raw
  /// A function for the thread pool.
  case job
  case nothing
}

struct RequestNode: ~Copyable {
  /// A closure in a struct, so that it can be moved without a thunk around it, and that is used up by its call: nobody
  /// counts references to it. One that does nothing stands for none: an optional would be copied to be called.
  struct Completion: ~Copyable {
    private let body: @Sendable (Result<Int, Errno>) -> Void

    @inline(__always)
    init(call body: @escaping @Sendable (Result<Int, Errno>) -> Void) { self.body = body }

    @inline(__always)
    consuming func call(_ result: Result<Int, Errno>) { body(result) }
  }

  // What every request uses, first: two cache lines.

  var next: Request?
  var operation = Operation.nothing
  var state = RequestState()
  /// It waits for readiness, not for its operation, which is made after that (io_uring, readiness).
  var isAwaitingReadiness = false {
    didSet { isUnusual = isAwaitingReadiness || operation == .raw || operation == .timeout }
  }
  /// Its completion from a ring needs a second look.
  var isUnusual = false
  /// The kernel is to start it on a thread of its own.
  var isForcedElsewhere = false
  /// Handed to the worker pool: its state is under that one's lock. Home thread.
  var isWithWorkers = false
  /// Linux AIO was told not to wait for the disk.
  var isWithoutWait = false
  /// Given out by the pool of nodes.
  var isTaken = false
  /// Somebody awaits it, as `awaiter`, in place of its completion.
  var isAwaited = false
  /// Its result is known, and waits for a pass to report it. Home thread, whoever has the request.
  var isFound = false
  var descriptor: CInt = -1
  /// Of the registered buffers; -1 for none.
  var bufferIndex: Int32 = -1
  /// Operation's own: mode, flags, mask.
  var flags: UInt32 = 0
  var transfer = Transfer(.plain)
  /// The buffer, the vectors, the address, the path.
  var address: UnsafeMutableRawPointer?
  /// In the file, of the first byte; -1 for a stream. For others their second argument.
  var offset: Int64 = -1
  var result = 0
  /// Whose turn it is: the backend that has it.
  var backend: Unmanaged<Backend>
  /// Holds the memory that `address` points to.
  var owner: AnyObject?
  var completion = Completion(call: { _ in })

  /// Which of the requests that have used this node it is now: a handle to an earlier one finds another number.
  let generation = Atomic<UInt32>(0)

  /// The task that awaits it, which is given a count or a negative errno.
  var awaiter: UnsafeContinuation<Int, Never>? {
    didSet { isAwaited = awaiter != nil }
  }

  // What some engines use.

  var previous: Request?
  var controlBlock = iocb()
  /// The descriptor was found ready, and nothing was done with it yet.
  var wasReady = false
  /// A second descriptor for the first one's file, while epoll watches it.
  var watched: CInt = -1
  var time = __kernel_timespec()

  init(backend: Backend) {
    self.backend = .passUnretained(backend)
  }

  /// Whether it may have to wait for as long as it pleases somebody else: not for a thread to do.
  var waitsForDescriptor: Bool {
    if isForcedElsewhere { return false }
    switch operation {
    case .accept, .connect, .receive, .send, .receiveMessage, .sendMessage, .poll, .timeout:
      return true
    case .read, .write, .readVector, .writeVector: return offset < 0
    default: return false
    }
  }

  /// Where the kernel finds the time that a request waits for. A request's memory stays where it is.
  static func time(of request: Request) -> UnsafeMutablePointer<__kernel_timespec> {
    withUnsafeMutablePointer(to: &request.pointee.time) { $0 }
  }
}

extension UnsafeMutablePointer where Pointee == RequestNode {
  /// Sets what it holds until it is finished; it holds nothing yet.
  @inline(__always)
  func hold(
    _ owner: AnyObject?, _ completion: @escaping @Sendable (Result<Int, Errno>) -> Void
  ) {
    // Not an assignment, which would release what was there.
    withUnsafeMutablePointer(to: &pointee.owner) { $0.initialize(to: owner) }
    withUnsafeMutablePointer(to: &pointee.completion) {
      $0.initialize(to: RequestNode.Completion(call: completion))
    }
  }

  /// Takes out the completion, to be called.
  @inline(__always)
  func takeCompletion() -> RequestNode.Completion {
    withUnsafeMutablePointer(to: &pointee.completion) {
      let completion = $0.move()
      $0.initialize(to: RequestNode.Completion(call: { _ in }))
      return completion
    }
  }

  /// Takes in what the kernel or a worker says of the part that was submitted. True if the request is finished; else it
  /// is queued once more, for its rest.
  @inline(__always)
  func take(_ result: Int) -> Bool {
    let before = pointee.transfer.done
    let action = pointee.transfer.take(result)
    if let result = pointee.state.returned(action) {
      pointee.result = result
      if case .finishAtEnd = action { zeroRest() }
      return true
    }
    prepareForRest(action, transferred: pointee.transfer.done - before)
    return false
  }

  @inline(never)
  private func prepareForRest(_ action: Transfer.Action, transferred: Int) {
    if transferred > 0 {
      if let payload = pointee.owner as? Payload {
        payload.advance(by: transferred)
      }
    }
    pointee.isForcedElsewhere = action == .againElsewhere
    pointee.isAwaitingReadiness = action == .awaitReadiness
  }

  /// The file ended before the buffer did. Contract 20.6.
  @inline(never)
  func zeroRest() {
    if let payload = pointee.owner as? Payload {
      payload.zeroRest()
    } else if let address = pointee.address {
      memset(address + pointee.transfer.done, 0, pointee.transfer.rest)
    }
  }

  /// Where the rest of a transfer starts.
  @inline(__always)
  var position: Int64 {
    pointee.offset < 0 ? -1 : pointee.offset + Int64(pointee.transfer.done)
  }
  @inline(__always)
  var restAddress: UnsafeMutableRawPointer? { pointee.address.map { $0 + pointee.transfer.done } }
}
