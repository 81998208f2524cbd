// All I/O of one context: its requests, its backends, and the completions that wait for their pass. Home thread only.
//
// Completions are called in the order in which they were found, each off the list before it is called: a pass nested in
// one calls those behind it, and the outer pass finds nothing left (contract 19.5, 25.6). What finishes while they are
// called waits for the next pass, so a completion that makes the next request cannot hold the loop.

import CLiburing
import Glibc
import Synchronization
import SystemPackage

final class ContextIO: LoopIO {
  let context: Unmanaged<AioContext>
  let pool: RequestPool
  let kernel: Kernel
  /// Linked through themselves: they are gone through several times a pass, and each look into an array costs an exclusivity
  /// check.
  private var firstBackend: Unmanaged<Backend>?

  /// Unused requests.
  var free: Request?
  /// Found finished, and not yet part of a pass.
  var found = RequestQueue()
  /// Of the pass that is calling completions.
  private var running = RequestQueue()

  /// From how many queued requests on a backend is flushed at once, pass or not.
  var maximumBatch = AIOEngine.defaultMaximumBatch
  /// How many batches were begun and not ended.
  var batchDepth = 0
  private(set) var isClosed = false
  /// Of those that await a request.
  let awaiters: AwaiterPool
  var statistics = AIOEngine.Statistics()

  // Made when first asked for.
  var engines: [AIOEngine] = []
  var ringBackend: RingBackend?
  var linuxAIOBackend: LinuxAIOBackend?
  private var threadBackendIfMade: ThreadBackend?
  private var readinessBackendIfMade: ReadinessBackend?
  var threadPoolIfMade: ThreadPool?
  var automatic: AIOEngine?

  init(context: AioContext, kernel: Kernel) {
    self.context = .passUnretained(context)
    self.kernel = kernel
    pool = RequestPool(owner: context)
    awaiters = Self.awaiters(of: pool)
  }

  /// Of those that await a request of the pool's.
  private static func awaiters(of pool: RequestPool) -> AwaiterPool {
    AwaiterPool { target in
      let node = target.address.assumingMemoryBound(to: RequestNode.self)
      AIORequest(pool: pool, node: node, generation: target.generation).cancel()
    }
  }

  func add(_ backend: Backend) {
    // Each is also held by its own name.
    let new = Unmanaged.passUnretained(backend)
    guard var last = firstBackend else {
      firstBackend = new
      return
    }
    while let next = last._withUnsafeGuaranteedRef({ $0.next }) { last = next }
    last._withUnsafeGuaranteedRef { $0.next = new }
  }

  /// Where requests go that nobody else can take.
  var threadBackend: ThreadBackend {
    if let threadBackendIfMade { return threadBackendIfMade }
    let backend = ThreadBackend(io: self)
    threadBackendIfMade = backend
    add(backend)
    return backend
  }

  /// Where requests go that wait for a descriptor, without a ring.
  var readinessBackend: ReadinessBackend {
    if let readinessBackendIfMade { return readinessBackendIfMade }
    let backend = ReadinessBackend(io: self)
    readinessBackendIfMade = backend
    add(backend)
    return backend
  }

  // MARK: The loop

  /// In the order in which they were made.
  @inline(__always)
  func visitBackends(_ body: (Backend) -> Void) {
    var next = firstBackend
    while let backend = next {
      next = backend._withUnsafeGuaranteedRef {
        body($0)
        return $0.next
      }
    }
  }

  override func prepareForWait() -> Bool {
    visitBackends { backend in
      if backend.queued > 0 { statistics.submissions &+= 1 }
      backend.prepareForWait()
    }
    return hasCompletions
  }

  override var hasQueued: Bool {
    var isQueued = false
    visitBackends { isQueued = isQueued || $0.queued > 0 }
    return isQueued
  }

  override var hasCompletions: Bool {
    if !found.isEmpty || !running.isEmpty { return true }
    var isFound = false
    visitBackends { isFound = isFound || $0.hasCompletions }
    return isFound
  }

  override func run() -> Bool {
    visitBackends { $0.collect() }
    return runFound()
  }

  /// Calls the completions of what was found so far.
  @inline(__always)
  func runFound() -> Bool {
    running.append(contentsOf: &found)
    var progress = false
    while let request = running.removeFirst() {
      progress = true
      report(request)
    }
    return progress
  }

  @inline(__always)
  private func report(_ request: Request) {
    if request.pointee.operation == .raw {
      reportRaw(request)
      return
    }
    let completion = request.takeCompletion()
    let awaiter = request.pointee.isAwaited ? request.pointee.awaiter.take() : nil
    let owner = request.pointee.owner.take()
    let result = request.pointee.result
    request.pointee.state.free()
    request.pointee.isFound = false
    statistics.completions &+= 1
    // Before the completion, which may want the node for its next request: it is warm.
    give(request)
    if let awaiter {
      awaiter.resume(returning: result)
      return
    }
    completion.call(result >= 0 ? .success(result) : .failure(Errno(rawValue: CInt(-result))))
    withExtendedLifetime(owner) {}
  }

  /// One of the completions of a caller's own submission.
  private func reportRaw(_ request: Request) {
    let submission = unsafeDowncast(request.pointee.owner!, to: RawSubmission.self)
    if !submission.hasEvents {
      // The ring never had it: it was refused, or taken back before.
      let result = Int32(truncatingIfNeeded: request.pointee.result)
      submission.add(RawCompletion(result: result, flags: 0, isLast: true))
    }
    let event = submission.takeFirst()
    if submission.hasEvents {
      // One at a time: a pass nested in this one goes on with the next.
      running.prepend(request)
    } else {
      submission.isListed = false
      request.pointee.isFound = false
      if request.pointee.state.phase == .finished {
        request.pointee.owner = nil
        request.pointee.state.free()
        statistics.completions &+= 1
        give(request)
      }
    }
    submission.completion(event)
  }

  override func shareRing() -> Monitor? {
    ringBackend?.share().map { RingMonitor(ring: $0) }
  }

  override func monitorIsReplaced(_ monitor: Monitor) {
    ringBackend?.monitorIsReplaced(monitor)
  }

  // MARK: The end

  override func close() -> [String] {
    isClosed = true
    let left = requestsLeft()
    // The kernel, or a worker, may be using their buffers: all have to come back first.
    pool.visitOutstanding { Self.cancel($0) }
    visitBackends { $0.drain() }
    while runFound() {}
    visitBackends { $0.close() }
    firstBackend = nil
    engines = []
    automatic = nil
    ringBackend = nil
    linuxAIOBackend = nil
    threadBackendIfMade = nil
    readinessBackendIfMade = nil
    threadPoolIfMade = nil
    return left
  }

  /// What is under way, in words: a sentence for each operation.
  private func requestsLeft() -> [String] {
    var left: [(operation: Operation, count: Int)] = []
    pool.visitOutstanding { request in
      if request.pointee.isFound { return }
      let operation = request.pointee.operation
      if let index = left.firstIndex(where: { $0.operation == operation }) {
        left[index].count += 1
      } else {
        left.append((operation, 1))
      }
    }
    return left.map { operation, count in
      count == 1
        ? "a request (\(operation)) is under way" : "\(count) requests (\(operation)) are under way"
    }
  }
}
