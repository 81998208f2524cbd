// Sockets, streams, poll and timeouts without a ring: what does not wait is done at once, and what would is done when an
// epoll set of our own says that the descriptor is ready. Home thread only.
//
// A waiting request watches a duplicate of its descriptor: so any number of requests may wait for one descriptor, beside
// a handler that its owner may have set, and a descriptor that is closed meanwhile stays open for them, as it does with
// io_uring. Blocking calls that cannot be told not to (accept and connect on a descriptor without O_NONBLOCK, a terminal)
// are a worker's: all but connect not before the descriptor is ready.

import CLiburing
import Glibc
import SystemPackage

final class ReadinessBackend: Backend, @unchecked Sendable {
  /// Which holds us too, until it closes.
  private let io: ContextIO
  private var queue = RequestQueue()
  /// Made with the first request that has to wait.
  private var epoll: CInt = -1
  private var watching = 0
  private let events: UnsafeMutablePointer<epoll_event>
  private static let batch = 64

  init(io: ContextIO) {
    self.io = io
    events = .allocate(capacity: Self.batch)
  }

  deinit { events.deallocate() }

  override func enqueue(_ request: Request) {
    queued += 1
    queue.append(request)
  }

  override func flush() {
    while let request = queue.removeFirst() {
      queued -= 1
      begin(request)
    }
  }

  private func begin(_ request: Request) {
    switch request.pointee.operation {
    case .timeout: startTimer(request)
    case .poll: watch(request, request.pointee.flags)
    default:
      if request.pointee.isAwaitingReadiness {
        watch(request, request.pointee.operation.readiness)
      } else {
        attempt(request)
      }
    }
  }

  // MARK: Without waiting

  private func attempt(_ request: Request) {
    let flags = io.kernel.statusFlags(request.pointee.descriptor)
    let isBlocking = flags >= 0 && flags & O_NONBLOCK == 0
    switch request.pointee.operation {
    case .connect:
      if isBlocking {
        passToThreads(request)
      } else {
        connect(request)
      }
    case .accept where isBlocking:
      // Not before there is somebody: then it will hardly wait.
      if request.pointee.wasReady {
        passToThreads(request)
      } else {
        watch(request, UInt32(POLLIN))
      }
    case .read, .write, .readVector, .writeVector: transfer(request, isBlocking: isBlocking)
    default: finishOrWait(request, SocketCalls.call(request, mayBlock: false, io.kernel))
    }
  }

  private func transfer(_ request: Request, isBlocking: Bool) {
    var single = iovec(iov_base: request.restAddress, iov_len: request.pointee.transfer.length)
    let vectors = request.pointee.owner as? Vectors
    let isRead = request.pointee.operation == .read || request.pointee.operation == .readVector
    let call = isRead ? io.kernel.read : io.kernel.write
    let result = withUnsafePointer(to: &single) { single in
      call(
        request.pointee.descriptor, vectors.map { UnsafePointer($0.rest) } ?? single,
        CInt(vectors?.restCount ?? 1), -1,
        isBlocking ? CInt(AIOGS_RWF_NOWAIT) : 0)
    }
    if result == -Int(EOPNOTSUPP) && isBlocking {
      // Not before it is ready: a worker that waits cannot be called back.
      if request.pointee.wasReady {
        passToThreads(request)
      } else {
        watch(request, request.pointee.operation.readiness)
      }
    } else {
      finishOrWait(request, result)
    }
  }

  /// The descriptor does not block.
  private func connect(_ request: Request) {
    if request.pointee.wasReady {
      finishOrWait(request, -Int(io.kernel.pendingError(request.pointee.descriptor)))
      return
    }
    let result = SocketCalls.call(request, mayBlock: false, io.kernel)
    if result == -Int(EINPROGRESS) {
      watch(request, UInt32(POLLOUT))
    } else {
      finishOrWait(request, result)
    }
  }

  private func finishOrWait(_ request: Request, _ result: Int) {
    request.pointee.state.submit()
    io.returned(request, result)
  }

  private func passToThreads(_ request: Request) {
    request.pointee.isForcedElsewhere = true
    request.pointee.backend = .passUnretained(io.threadBackend)
    io.threadBackend.enqueue(request)
    io.flush(io.threadBackend)
  }

  // MARK: Waiting

  private func watch(_ request: Request, _ events: UInt32) {
    request.pointee.state.submit()
    let descriptor = io.kernel.duplicate(request.pointee.descriptor)
    if descriptor < 0 {
      fail(request, Int(descriptor))
      return
    }
    let status = epoll < 0 ? makeEpoll() : 0
    if status < 0 {
      io.kernel.close(descriptor)
      fail(request, Int(status))
      return
    }
    var event = epoll_event()
    event.events = events | EPOLLONESHOT.rawValue
    aiogs_epoll_set_pointer(&event, request)
    let error = -io.kernel.epollControl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    if error != 0 {
      io.kernel.close(descriptor)
      if error == EPERM && request.pointee.operation == .poll {
        // A regular file: always ready.
        isReady(request, events & UInt32(POLLIN | POLLOUT))
      } else if error == EPERM {
        // And yet it is told to wait: for the disk.
        request.pointee.isAwaitingReadiness = false
        _ = request.pointee.state.returned(.again)
        passToThreads(request)
      } else {
        fail(request, -Int(error))
      }
      return
    }
    request.pointee.watched = descriptor
    watching += 1
  }

  private func fail(_ request: Request, _ error: Int) {
    request.pointee.transfer = Transfer(.plain)
    io.returned(request, error)
  }

  /// 0, or a negative errno.
  private func makeEpoll() -> CInt {
    let made = io.kernel.epollCreate()
    if made < 0 { return made }
    epoll = made
    io.context._withUnsafeGuaranteedRef {
      $0.setEngineHandler(
        descriptor: epoll, onReadable: { [unowned(unsafe) self] in takeEvents() }, poll: nil)
    }
    return 0
  }

  private func takeEvents() {
    let count = io.kernel.epollWait(epoll, events, Self.batch, milliseconds: 0)
    guard count > 0 else { return }
    for index in 0..<Int(count) {
      guard let pointer = aiogs_epoll_pointer(events + index) else { continue }
      let request = pointer.assumingMemoryBound(to: RequestNode.self)
      unwatch(request)
      isReady(request, events[index].events)
    }
    flush()
  }

  private func unwatch(_ request: Request) {
    _ = io.kernel.epollControl(epoll, EPOLL_CTL_DEL, request.pointee.watched, nil)
    io.kernel.close(request.pointee.watched)
    request.pointee.watched = -1
    watching -= 1
  }

  private func isReady(_ request: Request, _ events: UInt32) {
    request.pointee.isAwaitingReadiness = false
    request.pointee.wasReady = true
    if request.pointee.operation == .poll {
      io.returned(request, Int(events))
    } else {
      io.isReady(request)
    }
  }

  private func startTimer(_ request: Request) {
    request.pointee.state.submit()
    let time = request.pointee.time
    nonisolated(unsafe) let request = request
    let timer = io.context._withUnsafeGuaranteedRef { context in
      context.makeTimer(name: "request timeout") { [unowned(unsafe) self] in
        request.pointee.owner = nil
        io.returned(request, 0)
        _ = io.runFound()
      }
    }
    request.pointee.owner = timer
    timer.arm(after: .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec))
  }

  // MARK: Cancellation

  override func dequeue(_ request: Request) {
    queue.remove(request)
    queued -= 1
    io.finishUnsubmitted(request, -Int(ECANCELED))
  }

  override func cancelSubmitted(_ request: Request) {
    if let timer = request.pointee.owner as? AioTimer {
      timer.cancel()
    } else if request.pointee.watched >= 0 {
      unwatch(request)
    } else {
      return
    }
    request.pointee.transfer = Transfer(.plain)
    io.returned(request, -Int(ECANCELED))
    io.wakeIfNobodyLooks()
  }

  override func close() {
    if epoll < 0 { return }
    io.context._withUnsafeGuaranteedRef { $0.removeEngineHandler(descriptor: epoll) }
    io.kernel.close(epoll)
  }
}
