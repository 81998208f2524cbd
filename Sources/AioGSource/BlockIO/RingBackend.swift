// io_uring: requests as entries of a ring. Home thread only. Contract 21.
//
// The ring is the fd monitor's where that is io_uring, and then the monitor's submissions and waits carry the requests
// too; else it is one of its own, whose descriptor is a handler of the context. Either way completions come through
// `complete`, which only sorts them: nobody is called back while the completion queue is being read.
//
// A request is written into the submission queue when it is made. What finds no place there waits in `pending`, in order.
// Checked, with a loop that is about to sleep, by Models/request-asleep.pml.

import CLiburing
import Glibc
import SystemPackage

final class RingBackend: Backend, @unchecked Sendable {
  /// Which holds us too, until it closes.
  private let io: ContextIO
  let ring: Ring
  /// Whether the fd monitor submits and takes completions for us.
  private(set) var isShared: Bool
  /// A monitor gave the ring up.
  private var wasGivenUp = false
  private var pending = RequestQueue()
  /// Cancellations that found no place, as the user_data they are to reach.
  private var pendingCancellations: [UInt64] = []
  /// Whether one waits, or a request: asked for each request, where looking into the array costs an exclusivity check.
  private var hasLeftovers = false
  private var inFlight = 0
  private var client: Client?
  /// Bit per operation that this kernel's ring has.
  private let supported: UInt64
  var fixedFiles: [CInt: Int32] = [:] {
    didSet { hasFixedFiles = !fixedFiles.isEmpty }
  }
  /// As above.
  private var hasFixedFiles = false
  var registeredBuffers: [AIOBuffer] = []

  /// What the ring calls. A class of its own, for Backend is one already. Let go of in `close`.
  private final class Client: RingClient {
    let backend: RingBackend
    init(_ backend: RingBackend) { self.backend = backend }
    override func complete(_ userData: UInt64, _ result: Int32, _ flags: UInt32) {
      backend.complete(userData, result, flags)
    }
  }

  init(io: ContextIO, ring: Ring, isShared: Bool) {
    self.io = io
    self.ring = ring
    self.isShared = isShared
    supported = RingEntry.supportedOperations(ring)
    super.init()
    let client = Client(self)
    self.client = client
    ring.client = .passUnretained(client)
    if !isShared { watchRing() }
  }

  /// Has the context wait for the ring's descriptor.
  private func watchRing() {
    let ring = ring
    io.context._withUnsafeGuaranteedRef {
      $0.setEngineHandler(descriptor: ring.descriptor, onReadable: {}) { ring.hasCompletions }
    }
  }

  /// The monitor's from here on too; nil if one gave it up: the kernel may still poll for that one, and what it says then
  /// names handlers that may have been freed.
  func share() -> Ring? {
    if wasGivenUp { return nil }
    if !isShared {
      isShared = true
      io.context._withUnsafeGuaranteedRef { $0.removeEngineHandler(descriptor: ring.descriptor) }
    }
    return ring
  }

  /// The monitor gives the ring up: from here on it is ours alone.
  func monitorIsReplaced(_ monitor: Monitor) {
    guard isShared, (monitor as? RingMonitor)?.ring === ring else { return }
    isShared = false
    wasGivenUp = true
    watchRing()
  }

  // MARK: Requests

  @inline(__always)
  func supports(_ operation: Operation) -> Bool {
    supported & (1 << UInt64(operation.rawValue)) != 0
  }

  override func takes(_ request: Request) -> Bool {
    supports(request.pointee.operation)
  }

  override func alternative(for request: Request) -> Backend {
    io.fallback(for: request)
  }

  @inline(__always)
  private func prepare(_ request: Request, _ entry: UnsafeMutablePointer<io_uring_sqe>) {
    RingEntry.fill(entry, request)
    if hasFixedFiles { useFixedFile(entry, request.pointee.operation) }
    entry.pointee.user_data = UInt64(UInt(bitPattern: request)) | Ring.clientTag
    request.pointee.state.submit()
    inFlight += 1
  }

  private func useFixedFile(
    _ entry: UnsafeMutablePointer<io_uring_sqe>, _ operation: Operation
  ) {
    switch operation {
    // The kernel takes no registered file for these; and a caller's own submission says itself what it means.
    case .status, .open, .close, .timeout, .raw: return
    default: break
    }
    if let index = fixedFiles[entry.pointee.fd] {
      entry.pointee.fd = index
      entry.pointee.flags |= UInt8(1 << IOSQE_FIXED_FILE_BIT)
    }
  }

  override func enqueue(_ request: Request) {
    queued += 1
    // Not in front of a cancellation either: its request may be over by now, and this one have its memory and user_data.
    if !hasLeftovers, let entry = ring.nextEntry() {
      prepare(request, entry)
    } else {
      pending.append(request)
      hasLeftovers = true
    }
  }

  /// Writes what waited into the submission queue, as far as it goes.
  @inline(__always)
  private func fill() {
    if hasLeftovers { fillWithLeftovers() }
  }

  @inline(never)
  private func fillWithLeftovers() {
    while let target = pendingCancellations.last {
      guard let entry = ring.nextEntry() else { return }
      prepareCancellation(entry, target)
      pendingCancellations.removeLast()
    }
    while let request = pending.first {
      guard let entry = ring.nextEntry() else { return }
      _ = pending.removeFirst()
      prepare(request, entry)
    }
    hasLeftovers = false
  }

  override func flush() {
    fill()
    queued = 0
    if ring.hasPreparedEntries { note(ring.submit()) }
  }

  override func prepareForWait() {
    if isShared {
      // The monitor submits right after this, with its wait.
      if hasLeftovers { fill() }
      queued = 0
    } else if queued > 0 || ring.hasPreparedEntries || hasLeftovers {
      flush()
    }
  }

  /// EBUSY, EAGAIN and ENOMEM pass: what the kernel did not take stays in the queue, and goes with the next submission,
  /// after completions have been taken. Anything else is what the requests it did not take end with.
  /// In a shared ring's queue the monitor has entries too, which are not ours to drop. It submits next, fails as well, and
  /// gives the ring up; then it is our own.
  private func note(_ status: CInt) {
    if !isShared && !Self.passes(status) { fail(status) }
  }

  private static func passes(_ status: CInt) -> Bool {
    switch status {
    case 0, EBUSY, EAGAIN, ENOMEM, EINTR: return true
    default: return false
    }
  }

  private func fail(_ status: CInt) {
    ring.dropPreparedEntries { userData in
      if userData & Ring.clientTag != 0,
        let request = Request(bitPattern: UInt(userData & ~Ring.clientTag))
      {
        inFlight -= 1
        request.pointee.transfer = Transfer(.plain)
        io.returned(request, -Int(status))
      }
    }
  }

  override func dequeue(_ request: Request) {
    pending.remove(request)
    hasLeftovers = !pending.isEmpty || !pendingCancellations.isEmpty
    queued = max(0, queued - 1)
    io.finishUnsubmitted(request, -Int(ECANCELED))
  }

  override func cancelSubmitted(_ request: Request) {
    let target = UInt64(UInt(bitPattern: request)) | Ring.clientTag
    queued += 1
    if let entry = ring.nextEntry() {
      prepareCancellation(entry, target)
    } else {
      pendingCancellations.append(target)
      hasLeftovers = true
    }
    io.flushIfOutsideOfPasses(self)
  }

  /// Its own completion is of no interest: the request's tells what came of it. So user_data stays 0.
  private func prepareCancellation(_ entry: UnsafeMutablePointer<io_uring_sqe>, _ target: UInt64) {
    entry.pointee.opcode = UInt8(IORING_OP_ASYNC_CANCEL.rawValue)
    entry.pointee.fd = -1
    entry.pointee.addr = target
    ring.skipSuccess(entry)
  }

  // MARK: Completions

  @inline(__always)
  fileprivate func complete(_ userData: UInt64, _ result: Int32, _ flags: UInt32) {
    guard let request = Request(bitPattern: UInt(userData)) else { return }
    if request.pointee.isUnusual {
      completeUnusual(request, result, flags)
    } else {
      inFlight -= 1
      io.returned(request, Int(result))
    }
  }

  @inline(never)
  private func completeUnusual(_ request: Request, _ result: Int32, _ flags: UInt32) {
    if request.pointee.operation == .raw {
      let isLast = flags & UInt32(IORING_CQE_F_MORE) == 0
      if isLast { inFlight -= 1 }
      io.rawCompletion(request, result, flags, isLast: isLast)
      return
    }
    inFlight -= 1
    if request.pointee.isAwaitingReadiness && result >= 0 {
      request.pointee.isAwaitingReadiness = false
      io.isReady(request)
    } else if request.pointee.operation == .timeout && result == -ETIME {
      io.returned(request, 0)
    } else {
      io.returned(request, Int(result))
    }
  }

  override var hasCompletions: Bool {
    ring.hasCompletions || hasLeftovers || (!isShared && ring.hasPreparedEntries)
  }

  override func collect() {
    // The monitor takes them where the ring is its own too.
    if isShared || !ring.hasCompletions { return }
    takeCompletions()
  }

  private func takeCompletions() {
    note(ring.submitAndPost())
    ring.takeCompletions { _, _ in }
  }

  // MARK: The end

  override func drain() {
    while inFlight > 0 || hasLeftovers {
      fill()
      let status = ring.submitAndWait(timeout: 10_000_000)
      // No pass will come in which the monitor could find out.
      if !Self.passes(status) { fail(status) }
      ring.takeCompletions { _, _ in }
    }
  }

  override func close() {
    if !isShared {
      io.context._withUnsafeGuaranteedRef { $0.removeEngineHandler(descriptor: ring.descriptor) }
    }
    // Another ring may come to have the address of this one.
    forgetRegisteredBuffers()
    ring.client = nil
    client = nil
  }
}
