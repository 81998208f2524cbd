// The jobs of Swift's concurrency runtime that one context runs: a lock-free stack that any thread pushes on, and a
// first-in first-out queue that the home thread runs from.
//
// Guarantees. Every job runs once, on the home thread, at the end of a pass. Jobs run in the order in which they were
// enqueued, across threads too where one enqueue happens before the other. Enqueueing takes no lock and allocates nothing:
// a job has room for whoever queues it. The loop is woken at most once for each of its sleeps, and only by the job that
// finds the stack empty: who pushes on top of another relies on the wake-up of that one.
//
// In a pass a job goes straight to the queue, without an atomic operation, behind what the stack holds: that may have been
// enqueued before it. A run is bounded, by a number of jobs and a time, so that jobs which enqueue jobs leave the rest of
// the loop, and GLib's other sources, their turn; what is left keeps the loop from sleeping.
//
// The stack is only pushed on and taken whole, so no job can come back under a compare-exchange (no ABA).
// Modelled by Models/job-queue.pml (enqueue, push, appendAtHome, takeStack, run).

import Synchronization

final class JobQueue: @unchecked Sendable {
  /// How many jobs one run takes, and after which time, in nanoseconds, it ends; the clock is read every 8 jobs.
  static let maximumJobs = 256
  static let maximumTime: Int64 = 1_000_000
  private static let clockInterval = 8

  let name: String
  let notifyState: NotifyState
  private let kernel: Kernel
  // Set before the first job, and left.
  /// The address of the context.
  private var owner: UnsafeMutableRawPointer?
  private var serial: UnownedSerialExecutor?
  private var task: UnownedTaskExecutor?
  private let stack = Atomic<UnsafeMutableRawPointer?>(nil)
  private let isClosed = Atomic<Bool>(false)

  // Home thread only, from here on.

  private var first: QueuedJob?
  private var last: QueuedJob?
  private(set) var jobsRun = 0
  /// Who wants to be told when the job that is running has returned.
  var settling: JobRunner?
  /// Whose next job is to be handed over instead of queued, and that job.
  var capturing: JobRunner?
  var captured: UnownedJob?
  /// Those to be entered now, the next one last, and whether that is being done.
  var entries: [JobRunner] = []
  var isEntering = false
  /// A job of a coroutine's is running, which must not run the loop.
  var isInCoroutine = false

  init(name: String, kernel: Kernel, notifyState: NotifyState) {
    self.name = name
    self.kernel = kernel
    self.notifyState = notifyState
  }

  /// Tells whose jobs they are, by its address, and as whom they run; before the first of them.
  func bind(
    to owner: UnsafeMutableRawPointer, serial: ContextSerialExecutor, task: ContextTaskExecutor
  ) {
    self.owner = owner
    self.serial = serial.asUnownedSerialExecutor()
    self.task = task.asUnownedTaskExecutor()
  }

  // MARK: Any thread

  @inline(__always)
  func enqueue(_ unowned: UnownedJob, _ owner: JobOwner) {
    let job = QueuedJob(unowned)
    job.owner = owner
    if isRunningHere {
      appendAtHome(job)
    } else {
      push(job)
    }
  }

  /// Whether the calling thread is in a pass of the context, the innermost one. Being its home is not enough: another
  /// thread may be about to become that under GLib.
  @inline(__always)
  var isRunningHere: Bool {
    guard let running = ThreadState.ifPresent?.running else { return false }
    return running.toOpaque() == owner
  }

  private func push(_ job: QueuedJob) {
    precondition(
      !isClosed.load(ordering: .relaxed),
      "a task was resumed on AioContext '\(name)' after that was destroyed")
    var head = stack.load(ordering: .relaxed)
    while true {
      job.next = head.map { QueuedJob($0) }
      // J1: releases the job, and what the enqueuer wrote before, to the run that takes it. Pairs with J2 in `takeStack`.
      let result = stack.weakCompareExchange(
        expected: head, desired: job.pointer, successOrdering: .releasing,
        failureOrdering: .relaxed)
      if result.exchanged { break }
      head = result.original
    }
    // After the push, which is what the notification advertises.
    if head == nil { notifyState.notify() }
  }

  /// The loop looks at the queue before it sleeps, so that only what it calls right before that, in busy polling, has to
  /// notify.
  @inline(__always)
  private func appendAtHome(_ job: QueuedJob) {
    takeStack()
    append(job, job)
    if notifyState.state.isWindowOpen || notifyState.isLooking { notifyState.notify() }
  }

  // MARK: Home thread

  /// Whether `run` would find a job.
  @inline(__always)
  var hasJobs: Bool {
    first != nil || stack.load(ordering: .acquiring) != nil
  }

  /// Runs jobs until there is none, or the budget is spent; true if one ran. A job that runs the loop has the jobs behind
  /// it run in there.
  @inline(__always)
  func run() -> Bool {
    hasJobs ? runJobs() : false
  }

  @inline(never)
  private func runJobs() -> Bool {
    var count = 0
    var start: Int64 = 0
    takeStack()
    while let job = removeFirst() {
      run(job)
      if let runner = settling { settle(runner) }
      count += 1
      if count % Self.clockInterval == 0 {
        if count >= Self.maximumJobs { break }
        let now = kernel.monotonicNow
        if start == 0 { start = now }
        if now - start > Self.maximumTime { break }
      }
      if first == nil { takeStack() }
    }
    jobsRun &+= count
    return count > 0
  }

  @inline(__always)
  private func run(_ job: QueuedJob) {
    let unowned = job.unowned
    switch job.owner {
    case .serialExecutor: unowned.runSynchronously(on: serial.unsafelyUnwrapped)
    case .taskExecutor: unowned.runSynchronously(on: task.unsafelyUnwrapped)
    case .runner(let runner): runner._withUnsafeGuaranteedRef { $0.run(unowned) }
    }
  }

  @inline(never)
  private func settle(_ runner: JobRunner) {
    settling = nil
    runner.jobReturned(on: self)
  }

  @inline(__always)
  private func removeFirst() -> QueuedJob? {
    guard let job = first else { return nil }
    first = job.next
    if first == nil { last = nil }
    return job
  }

  @inline(__always)
  private func append(_ oldest: QueuedJob, _ youngest: QueuedJob) {
    youngest.next = nil
    if let last { last.next = oldest } else { first = oldest }
    last = youngest
  }

  @inline(__always)
  private func takeStack() {
    if stack.load(ordering: .relaxed) != nil { takeWholeStack() }
  }

  @inline(never)
  private func takeWholeStack() {
    // J2: acquires what the enqueuers wrote, of all the jobs there: each push continues the release sequence of the ones
    // below it. Pairs with J1 in `push`.
    guard let top = stack.exchange(nil, ordering: .acquiring) else { return }
    let youngest = QueuedJob(top)
    // The youngest is on top: turn the links round.
    var job = youngest
    var younger: QueuedJob?
    while true {
      let older = job.next
      job.next = younger
      younger = job
      guard let next = older else { break }
      job = next
    }
    append(job, youngest)
  }

  /// The context goes. How many jobs it leaves behind, which never run.
  func close() -> Int {
    isClosed.store(true, ordering: .relaxed)
    takeStack()
    var count = 0
    while removeFirst() != nil { count += 1 }
    return count
  }
}
