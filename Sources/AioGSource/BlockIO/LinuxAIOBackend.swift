// Linux AIO: io_submit(2) and an eventfd. Home thread only. Contract 20.
//
// Linux AIO only spares the caller the wait where the file is open with O_DIRECT; of a buffered file io_submit would
// wait for the disk itself, and the loop with it. So what is not O_DIRECT is read here only as far as it is in the page
// cache (RWF_NOWAIT), and goes to the thread pool otherwise, as do buffered writes and whatever else Linux AIO lacks.
//
// What is finished is read from the ring that the kernel maps into the process, without a system call; the eventfd only
// ends the loop's sleep.

import CLiburing
import Glibc
import SystemPackage

final class LinuxAIOBackend: Backend, @unchecked Sendable {
  /// The depth of the kernel's context (contract 0), and what is tried where the system has no more to give.
  private static let depths: [UInt32] = [1024, 128]

  /// Which holds us too, until it closes.
  private let io: ContextIO
  private let kernel: Kernel
  private let handle: aio_context_t
  private let depth: Int
  private let notifier: EventNotifier
  private let notifierDescriptor: CInt
  private var queue = RequestQueue()
  private var inFlight = 0
  private var canSynchronize = true
  /// Requests went to the pool in this flush.
  private var hasPassedOn = false
  private let blocks: UnsafeMutablePointer<UnsafeMutablePointer<iocb>?>
  /// Nil where the kernel's ring is not as it is known to be: then io_getevents(2) is asked.
  private let ring: UnsafeMutablePointer<aiogs_aio_ring>?

  /// - Throws: the errno of io_setup(2), or of eventfd(2).
  init(io: ContextIO) throws(Errno) {
    self.io = io
    kernel = io.kernel
    notifier = try EventNotifier(kernel: kernel)
    notifierDescriptor = notifier.fileDescriptor.rawValue
    var handle: aio_context_t = 0
    var status = 0
    var depth = 0
    for candidate in Self.depths {
      status = kernel.aioSetUp(candidate, &handle)
      depth = Int(candidate)
      // EAGAIN: more than the whole system may have (fs.aio-max-nr).
      if status != -Int(EAGAIN) { break }
    }
    if status < 0 {
      notifier.close()
      throw Errno(rawValue: CInt(-status))
    }
    self.handle = handle
    self.depth = depth
    blocks = .allocate(capacity: depth)
    let mapped = UnsafeMutablePointer<aiogs_aio_ring>(bitPattern: UInt(handle))
    let isKnown =
      mapped.map {
        $0.pointee.magic == UInt32(AIOGS_AIO_RING_MAGIC)
          && $0.pointee.incompatible_features == 0
      } ?? false
    ring = isKnown ? mapped : nil
    super.init()
    let notifier = notifier
    io.context._withUnsafeGuaranteedRef {
      $0.setEngineHandler(
        descriptor: notifierDescriptor, onReadable: { notifier.testAndClear() }
      ) { [unowned(unsafe) self] in hasCompletions }
    }
  }

  deinit {
    blocks.deallocate()
  }

  // MARK: Requests

  override func takes(_ request: Request) -> Bool {
    request.pointee.isWithoutWait = false
    switch request.pointee.operation {
    case .synchronize, .synchronizeData:
      return canSynchronize && !request.pointee.isForcedElsewhere
    case .read, .readVector, .write, .writeVector:
      if request.pointee.offset < 0 || request.pointee.isForcedElsewhere { return false }
      let flags = kernel.statusFlags(request.pointee.descriptor)
      // A bad descriptor goes to the kernel, which says what is wrong with it.
      if flags < 0 || flags & CInt(AIOGS_O_DIRECT) != 0 { return true }
      let isRead =
        request.pointee.operation == .read || request.pointee.operation == .readVector
      request.pointee.isWithoutWait = isRead
      return isRead
    default: return false
    }
  }

  override func alternative(for request: Request) -> Backend {
    io.fallback(for: request)
  }

  override func enqueue(_ request: Request) {
    queued += 1
    queue.append(request)
  }

  private func fill(_ request: Request) {
    let block = RequestNode.controlBlock(of: request)
    block.initialize(to: iocb())
    block.pointee.aio_data = UInt64(UInt(bitPattern: request))
    block.pointee.aio_fildes = UInt32(bitPattern: request.pointee.descriptor)
    block.pointee.aio_flags = UInt32(IOCB_FLAG_RESFD)
    block.pointee.aio_resfd = UInt32(bitPattern: notifierDescriptor)
    if request.pointee.isWithoutWait {
      block.pointee.aio_rw_flags = CInt(AIOGS_RWF_NOWAIT)
    }
    switch request.pointee.operation {
    case .read, .write:
      block.pointee.aio_lio_opcode = UInt16(
        request.pointee.operation == .read ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE)
      block.pointee.aio_buf = UInt64(UInt(bitPattern: request.restAddress))
      block.pointee.aio_nbytes = UInt64(
        min(request.pointee.transfer.rest, RingEntry.maximumTransfer))
      block.pointee.aio_offset = request.position
    case .readVector, .writeVector:
      let vectors = unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: Vectors.self)
      block.pointee.aio_lio_opcode = UInt16(
        request.pointee.operation == .readVector ? IOCB_CMD_PREADV : IOCB_CMD_PWRITEV)
      block.pointee.aio_buf = UInt64(UInt(bitPattern: vectors.rest))
      block.pointee.aio_nbytes = UInt64(vectors.restCount)
      block.pointee.aio_offset = request.position
    case .synchronize: block.pointee.aio_lio_opcode = UInt16(IOCB_CMD_FSYNC)
    default: block.pointee.aio_lio_opcode = UInt16(IOCB_CMD_FDSYNC)
    }
  }

  override func flush() {
    while !queue.isEmpty && inFlight < depth {
      var count = 0
      var cursor = queue.first
      while let request = cursor, inFlight + count < depth {
        fill(request)
        blocks[count] = RequestNode.controlBlock(of: request)
        count += 1
        cursor = request.pointee.next
      }
      let result = kernel.aioSubmit(handle, blocks, count)
      if result > 0 {
        for _ in 0..<min(result, count) {
          queue.removeFirst()?.pointee.state.submit()
        }
        inFlight += min(result, count)
      } else if !submissionFailed(result == 0 ? -Int(EAGAIN) : result) {
        break
      }
    }
    queued = queue.count
    if hasPassedOn {
      // At once: the pool's turn in this round may be over, and the loop may sleep next.
      hasPassedOn = false
      io.flush(io.threadBackend)
    }
  }

  /// The kernel did not take the first of the queue. True if the others are to be tried. Contract 20.4.
  private func submissionFailed(_ result: Int) -> Bool {
    guard let first = queue.first else { return false }
    switch -result {
    case Int(EINTR): return true
    case Int(EAGAIN):
      // Completions make room. With nothing under way none will come: somebody else has to do these.
      if inFlight > 0 { return false }
      while let request = queue.removeFirst() { passToThreads(request) }
      return false
    case Int(EOPNOTSUPP) where first.pointee.isWithoutWait,
      Int(EINVAL) where isSynchronization(first):
      if isSynchronization(first) { canSynchronize = false }
      _ = queue.removeFirst()
      passToThreads(first)
      return true
    default:
      // It is the first that is wrong: the others go on (H5).
      _ = queue.removeFirst()
      io.finishUnsubmitted(first, result)
      return true
    }
  }

  private func isSynchronization(_ request: Request) -> Bool {
    request.pointee.operation == .synchronize || request.pointee.operation == .synchronizeData
  }

  private func passToThreads(_ request: Request) {
    request.pointee.isForcedElsewhere = true
    queued = queue.count
    hasPassedOn = true
    io.pass(request, to: io.threadBackend)
  }

  override func dequeue(_ request: Request) {
    queue.remove(request)
    queued = queue.count
    io.finishUnsubmitted(request, -Int(ECANCELED))
  }

  override func cancelSubmitted(_ request: Request) {
    // Few drivers can; then its completion comes when it comes.
    _ = kernel.aioCancel(handle, RequestNode.controlBlock(of: request))
  }

  // MARK: Completions

  override var hasCompletions: Bool {
    guard let ring else { return inFlight > 0 && notifierIsSet }
    return ring.pointee.head != aiogs_aio_ring_tail(ring)
  }

  private var notifierIsSet: Bool {
    var record = pollfd(fd: notifierDescriptor, events: Int16(POLLIN), revents: 0)
    var atOnce = timespec()
    return kernel.poll(&record, 1, &atOnce) > 0
  }

  override func collect() {
    if inFlight == 0 { return }
    if let ring {
      collect(from: ring)
    } else {
      collectByCall(minimum: 0)
    }
  }

  private func collect(from ring: UnsafeMutablePointer<aiogs_aio_ring>) {
    let events = (UnsafeMutableRawPointer(ring) + Int(ring.pointee.header_length))
      .assumingMemoryBound(to: io_event.self)
    while true {
      let head = ring.pointee.head
      if head == aiogs_aio_ring_tail(ring) { return }
      let event = events[Int(head)]
      aiogs_aio_ring_set_head(ring, head + 1 == ring.pointee.count ? 0 : head + 1)
      complete(event)
    }
  }

  private func collectByCall(minimum: Int) {
    withUnsafeTemporaryAllocation(of: io_event.self, capacity: 64) { events in
      var minimum = minimum
      while true {
        let count = kernel.aioGetEvents(
          handle, minimum: minimum, events.baseAddress!, events.count)
        if count == -Int(EINTR) { continue }
        if count <= 0 { return }
        for index in 0..<count { complete(events[index]) }
        if count < events.count { return }
        minimum = 0
      }
    }
  }

  private func complete(_ event: io_event) {
    guard let request = Request(bitPattern: UInt(event.data)) else { return }
    inFlight -= 1
    let result = Int(event.res)
    let isRefusal =
      request.pointee.isWithoutWait && (result == -Int(EAGAIN) || result == -Int(EOPNOTSUPP))
      || isSynchronization(request) && result == -Int(EINVAL)
    if isRefusal {
      if isSynchronization(request) { canSynchronize = false }
      request.pointee.isForcedElsewhere = true
      if let result = request.pointee.state.returned(.againElsewhere) {
        request.pointee.result = result
        io.finished(request)
      } else {
        io.pass(request, to: io.threadBackend)
      }
    } else {
      io.returned(request, result)
    }
  }

  // MARK: The end

  override func drain() {
    while inFlight > 0 || !queue.isEmpty {
      flush()
      if inFlight == 0 { continue }
      collectByCall(minimum: 1)
    }
  }

  override func close() {
    io.context._withUnsafeGuaranteedRef {
      $0.removeEngineHandler(descriptor: notifierDescriptor)
    }
    kernel.aioDestroy(handle)
    notifier.close()
  }
}

extension RequestNode {
  /// A request's memory stays where it is.
  static func controlBlock(of request: Request) -> UnsafeMutablePointer<iocb> {
    withUnsafeMutablePointer(to: &request.pointee.controlBlock) { $0 }
  }
}
