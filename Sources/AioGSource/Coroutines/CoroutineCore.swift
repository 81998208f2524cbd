// What a coroutine is on the inside: a task, and the executor that this task prefers, which sends the task's jobs to the
// queue of whatever context the coroutine is with. So rescheduling one is changing where the next job goes.
//
// Entering runs the job here and now: resuming a continuation enqueues the task's job on this thread, and the queue hands
// it over (`capturing`) instead of queueing it. What a coroutine enters runs when its own job has returned, from one loop
// (`JobQueue.entries`), so that stacks do not grow. A coroutine becomes `yielded` only when its job has returned: whoever
// resumes it before that would have it go on where it is.
//
// Any thread may schedule. The rest is the home thread's of the context that the coroutine is with.

import Synchronization

final class CoroutineCore: JobRunner, TaskExecutor, @unchecked Sendable {
  @TaskLocal static var ofTask: CoroutineCore?

  let name: String
  private let state = Atomic<UInt8>(CoroutineState().rawValue)
  /// Where it was scheduled, for the one who does so again.
  private let place = Atomic<UInt64>(0)
  /// Where its jobs go; `queues` holds it.
  private let queueInForce = Atomic<Unmanaged<JobQueue>?>(nil)

  // The home thread's, or of the thread that resumes it.

  private var body: (@Sendable () async -> Void)?
  @exclusivity(unchecked) private var queues: [JobQueue] = []
  private var continuation: UnsafeContinuation<Void, Never>?
  /// What it has entered, and that runs once its job has returned.
  @exclusivity(unchecked) private var wakeUps: [CoroutineCore] = []
  private var isYielding = false
  @exclusivity(unchecked) private var destination: (queue: JobQueue, place: Place)?
  private var identity = 0

  private let lock = Lock()
  // Under the lock.
  private var task: Task<Void, Never>?
  private var isCancelled = false

  init(name: String, body: @escaping @Sendable () async -> Void) {
    self.name = name
    self.body = body
  }

  // MARK: Who is running

  /// The coroutine that the calling code belongs to; not of tasks that it has started.
  static var current: CoroutineCore? {
    guard let core = ofTask else { return nil }
    return core.identity == identityOfTask ? core : nil
  }

  /// The task's address: a hash of it would cost more than the rest of what asks for it.
  /// The same, if it is a coroutine of the queue's context, which the calling thread runs. One of another context's may
  /// have come here with an actor's code; what it keeps is that context's, and it is not waited for.
  static func current(on queue: JobQueue) -> CoroutineCore? {
    guard let core = current, core.queue === queue else { return nil }
    return core
  }

  private static var identityOfTask: Int {
    withUnsafeCurrentTask { $0.map { unsafeBitCast($0, to: Int.self) } ?? 0 }
  }

  var hasEnded: Bool { CoroutineState(rawValue: state.load(ordering: .acquiring)).phase == .ended }

  /// The queue of the context it is with, or was last.
  var queue: JobQueue? {
    queueInForce.load(ordering: .acquiring)?.takeUnretainedValue()
  }

  // MARK: The protocol

  /// Takes one step. C1: acquires what the thread that took the step before wrote, its continuation above all, and
  /// releases what this one did. Pairs with itself.
  private func step(
    _ transition: (CoroutineState) -> (CoroutineState, CoroutineState.Action)
  ) -> CoroutineState.Action {
    var before = state.load(ordering: .relaxed)
    while true {
      let (after, action) = transition(CoroutineState(rawValue: before))
      let result = state.weakCompareExchange(
        expected: before, desired: after.rawValue, successOrdering: .acquiringAndReleasing,
        failureOrdering: .relaxed)
      if result.exchanged { return action }
      before = result.original
    }
  }

  /// Any thread.
  func schedule(on queue: JobQueue, from here: Place) {
    let isOnItsOwn = self.queue === queue
    let action = step { $0.schedule(isOnItsOwn: isOnItsOwn) }
    if action == .resume || action == .whenYielded {
      place.store(here.word, ordering: .relaxed)
    }
    switch action {
    case .resume: resume(on: queue)
    case .whenYielded, .nothing: break
    case .trapScheduled, .trapRunning, .trapEnded: trap(action, "scheduled at \(here)")
    }
  }

  /// The home thread, in a pass: at once, or, in a coroutine of the same context's, when that has yielded.
  func enter(on queue: JobQueue) {
    if let running = Self.current(on: queue) {
      enterLater(from: running)
    } else {
      enterAndRun(on: queue)
    }
  }

  /// Home thread, in no coroutine: runs it to where it next waits for something, then what it has entered, and so on.
  func enterAndRun(on queue: JobQueue) {
    queue.entries.append(self)
    if queue.isEntering { return }
    queue.isEntering = true
    while let next = queue.entries.popLast() { next.enterNow(on: queue) }
    queue.isEntering = false
  }

  /// Runs after the coroutine that calls this has yielded, ended, or waits for something. Home thread.
  private func enterLater(from running: CoroutineCore) {
    precondition(running !== self, "coroutine '\(name)' was entered by itself")
    running.wakeUps.append(self)
    // Its job may be an actor's, which we are not asked to run.
    running.queue?.settling = running
  }

  override func enterNow(on queue: JobQueue) {
    let action = step { $0.enter() }
    guard action == .resume else { trap(action, "entered") }
    queue.capturing = self
    resume(on: queue)
    queue.capturing = nil
    if let job = queue.captured.take() { run(job) }
  }

  private func trap(_ action: CoroutineState.Action, _ what: String) -> Never {
    let reason: String
    switch action {
    case .trapScheduled:
      // Whoever was first may be about to say where.
      var word = place.load(ordering: .relaxed)
      while word == 0 { word = place.load(ordering: .relaxed) }
      reason = "while it is scheduled, at \(Place(word: word)), and has not run since"
    case .trapEnded: reason = "after it has ended"
    default: reason = "while it is running: it has not yielded"
    }
    preconditionFailure("coroutine '\(name)' was \(what) \(reason)")
  }

  // MARK: Resuming

  /// Only for the one whose step says so.
  private func resume(on queue: JobQueue) {
    if self.queue !== queue {
      if !queues.contains(where: { $0 === queue }) { queues.append(queue) }
      queueInForce.store(.passUnretained(queue), ordering: .releasing)
    }
    if let body = body.take() {
      start(body)
    } else {
      continuation.take().unsafelyUnwrapped.resume()
    }
  }

  private func start(_ body: @escaping @Sendable () async -> Void) {
    let task = Task(executorPreference: self) { [self] in
      identity = Self.identityOfTask
      await Self.$ofTask.withValue(self) { await body() }
      end()
    }
    let isLate = lock.withLock {
      self.task = task
      return isCancelled
    }
    if isLate { task.cancel() }
  }

  /// Any thread: the runtime has a job for us, its own or a child's.
  func enqueue(_ job: consuming ExecutorJob) {
    let queue = self.queue.unsafelyUnwrapped
    let unowned = UnownedJob(job)
    if queue.isRunningHere, queue.capturing === self {
      queue.capturing = nil
      queue.captured = unowned
    } else {
      queue.enqueue(unowned, .runner(.passUnretained(self)))
    }
  }

  func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

  func cancel() {
    let task = lock.withLock {
      isCancelled = true
      return self.task
    }
    task?.cancel()
  }

  // MARK: Home thread

  override func run(_ job: UnownedJob) {
    // The task holds us, and may end.
    let held = Unmanaged.passRetained(self)
    defer { held.release() }
    let queue = self.queue.unsafelyUnwrapped
    if CoroutineState(rawValue: state.load(ordering: .acquiring)).phase == .resuming {
      place.store(0, ordering: .relaxed)
      _ = step { $0.run() }
    }
    let outer = queue.isInCoroutine
    queue.isInCoroutine = true
    job.runSynchronously(on: asUnownedTaskExecutor())
    queue.isInCoroutine = outer
    if isYielding || !wakeUps.isEmpty { jobReturned(on: queue) }
  }

  override func jobReturned(on queue: JobQueue) {
    if queue.settling === self { queue.settling = nil }
    // Ours as long as nobody can resume us.
    let entered = wakeUps
    wakeUps.removeAll(keepingCapacity: true)
    if isYielding {
      isYielding = false
      if let (destination, place) = destination.take() {
        leave(for: destination, place)
      } else if step({ $0.yield() }) == .resume {
        resume(on: queue)
      }
    }
    if entered.isEmpty { return }
    // Depth first: what this one has entered goes before what was waiting.
    for core in entered.reversed() { queue.entries.append(core) }
    if queue.isEntering { return }
    let last = queue.entries.removeLast()
    unsafeDowncast(last, to: CoroutineCore.self).enterAndRun(on: queue)
  }

  private func leave(for destination: JobQueue, _ place: Place) {
    let action = step { $0.leave() }
    guard action == .resume else { trap(action, "rescheduled at \(place)") }
    self.place.store(place.word, ordering: .relaxed)
    resume(on: destination)
  }

  private func end() {
    let action = step { $0.end() }
    if action != .nothing { trap(action, "ended") }
  }

  // MARK: In the coroutine

  nonisolated(nonsending) func yield() async {
    requireHome("Coroutine.yield()")
    await suspend()
  }

  nonisolated(nonsending) func reschedule(
    on destination: JobQueue, from place: Place
  ) async {
    requireHome("Coroutine.reschedule(on:)")
    if queue === destination { return }
    self.destination = (destination, place)
    await suspend()
  }

  private func requireHome(_ function: String) {
    precondition(
      queue?.isRunningHere ?? false,
      "\(function) of coroutine '\(name)' was called on another thread than its context's home")
  }

  @inline(__always)
  nonisolated(nonsending) private func suspend() async {
    await withUnsafeContinuation {
      (continuation: UnsafeContinuation<Void, Never>) in
      self.continuation = continuation
      isYielding = true
      // The job that returns next is ours, be it one that an actor runs.
      queue.unsafelyUnwrapped.settling = self
    }
  }
}

/// A place in the source, in one word: addresses have 48 bits, and lines 16.
struct Place: CustomStringConvertible {
  let word: UInt64

  init(_ file: StaticString, _ line: UInt) {
    word = UInt64(UInt(bitPattern: file.utf8Start)) << 16 | UInt64(min(line, 0xffff))
  }

  init(word: UInt64) { self.word = word }

  var description: String {
    guard let file = UnsafePointer<CChar>(bitPattern: UInt(word >> 16)) else { return "?" }
    return "\(String(cString: file)):\(word & 0xffff)"
  }
}
