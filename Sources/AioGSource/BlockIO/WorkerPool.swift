// The threads behind a thread pool: a queue of requests, workers that carry them out, and the way back. Contract 19.
//
// The home thread queues and takes back; workers take from the front. A worker's request is its own until it pushes it
// on the stack of done ones, which releases it; the home thread takes that stack whole, which acquires it. The first
// push onto an empty stack schedules the bottom half that takes it: before the worker asks for the lock again, so that the
// loop does not wait for that (3c7b72ddca). What each change calls for is decided by PoolProtocol.
//
// Checked by Models/thread-pool.pml, which knows these functions by name.

import CLiburing
import Glibc
import Synchronization

final class WorkerPool: @unchecked Sendable {
  private let kernel: Kernel
  private let name: String
  /// Schedules what takes the done ones.
  private let bottomHalf: BottomHalf
  private let idleTime: Int64

  private let lock = Lock()
  private let hasWork = Condition()
  // Under the lock.
  private var state = PoolProtocol()
  private var queue = RequestQueue()
  private var threads: [pthread_t] = []
  /// Have left their loop, and are to be joined.
  private var ended: [pthread_t] = []

  private let done = Atomic<Request?>(nil)

  init(name: String, kernel: Kernel, bottomHalf: BottomHalf, idleTime: Int64 = 10_000_000_000) {
    self.name = name
    self.kernel = kernel
    self.bottomHalf = bottomHalf
    self.idleTime = idleTime
  }

  // MARK: Home thread

  /// Takes over a queue of requests.
  func enqueue(_ requests: inout RequestQueue) {
    let count = requests.count
    if count == 0 { return }
    let (needsWorker, hasEnded) = lock.withLock {
      queue.append(contentsOf: &requests)
      return (perform(state.enqueued(count)), !ended.isEmpty)
    }
    if needsWorker { startWorker() }
    if hasEnded { joinEnded() }
  }

  /// Asks for a request to end early, whoever has it. True if it was taken back.
  func cancel(_ request: Request) -> Bool {
    lock.withLock {
      // Only the state is shared with a worker that has it: modified in place, the whole node would be accessed.
      var itsState = request.pointee.state
      let answer = itsState.cancel()
      request.pointee.state = itsState
      switch answer {
      case .nothing, .ask: return false
      case .finish:
        queue.remove(request)
        state.withdrawn()
        return true
      }
    }
  }

  /// What workers have finished, in order; nil if nothing.
  func takeDone() -> Request? {
    guard done.load(ordering: .relaxed) != nil else { return nil }
    var cursor = done.exchange(nil, ordering: .acquiring)
    var first: Request?
    while let request = cursor {
      cursor = request.pointee.next
      request.pointee.next = first
      first = request
    }
    return first
  }

  var hasDone: Bool { done.load(ordering: .relaxed) != nil }

  func setLimits(minimum: Int, maximum: Int) {
    let needsWorker = lock.withLock {
      perform(state.setLimits(minimum: minimum, maximum: maximum))
    }
    if needsWorker { startWorker() }
    joinEnded()
  }

  var limits: (minimum: Int, maximum: Int) {
    lock.withLock { (state.minimum, state.maximum) }
  }

  var snapshot: PoolProtocol { lock.withLock { state } }

  /// Ends all workers, and returns when they have ended. What is queued is carried out first.
  func stop() {
    lock.withLock { _ = perform(state.stop()) }
    while true {
      // In any order: one that is taken here is on no list, and puts itself on none when it ends.
      let thread = lock.withLock { threads.popLast() ?? ended.popLast() }
      guard let thread else { return }
      pthread_join(thread, nil)
    }
  }

  private func joinEnded() {
    while let thread = lock.withLock({ ended.popLast() }) { pthread_join(thread, nil) }
  }

  // MARK: Workers

  /// Under the lock: signalled with it held, a worker cannot see the pool go in between (f4f71363fc). True if a worker is
  /// to be created, which is done without it.
  private func perform(_ actions: PoolProtocol.Actions) -> Bool {
    if actions.wake > 1 {
      hasWork.broadcast()
    } else if actions.wake == 1 {
      hasWork.signal()
    }
    return actions.start
  }

  private func startWorker() {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let argument = Unmanaged.passRetained(self)
    var thread = pthread_t()
    lock.lock()
    let status = kernel.threadCreate(&thread, argument.toOpaque()) { argument in
      Unmanaged<WorkerPool>.fromOpaque(argument!).takeRetainedValue().work()
      return nil
    }
    if status == 0 {
      threads.append(thread)
      pthread_setname_np(thread, String(name.prefix(15)))
    } else {
      argument.release()
      state.startFailed()
    }
    lock.unlock()
    // With workers there, theirs is the work; with none, it is done here, or it would never be.
    if status != 0 { workWithoutWorkers() }
  }

  private func work() {
    lock.lock()
    let startsNext = state.workerStarted()
    lock.unlock()
    if startsNext { startWorker() }
    lock.lock()
    var idleTimeIsOver = false
    while true {
      let turn = state.nextTurn(idleTimeIsOver: idleTimeIsOver)
      if turn == .exit { break }
      if turn == .work {
        idleTimeIsOver = false
        carryOutFirst()
        continue
      }
      let limit = turn == .sleepBriefly ? idleTime : -1
      idleTimeIsOver = !lock.wait(for: hasWork, atMost: limit)
      state.wokeUp()
    }
    let thread = pthread_self()
    if let index = threads.firstIndex(where: { pthread_equal($0, thread) != 0 }) {
      threads.remove(at: index)
      ended.append(thread)
    }
    lock.unlock()
  }

  /// With the lock held, which is given up meanwhile.
  private func carryOutFirst() {
    guard let request = queue.removeFirst() else { return }
    request.pointee.state.submit()
    lock.unlock()
    request.pointee.result = BlockingCalls.carryOut(request, kernel)
    pushDone(request)
    lock.lock()
  }

  private func pushDone(_ request: Request) {
    var head = done.load(ordering: .relaxed)
    while true {
      request.pointee.next = head
      // Releases the result to takeDone's exchange.
      let result = done.weakCompareExchange(
        expected: head, desired: request, successOrdering: .releasing, failureOrdering: .relaxed)
      if result.exchanged { break }
      head = result.original
    }
    if head == nil { bottomHalf.schedule() }
  }

  /// The system has no thread to give: the caller does the work itself.
  private func workWithoutWorkers() {
    lock.lock()
    while state.workers == 0, state.takeWithoutWorker() { carryOutFirst() }
    lock.unlock()
  }
}
