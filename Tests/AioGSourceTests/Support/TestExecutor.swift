// Executors that a test runs by hand, or that have a thread of their own. First in, first out.

import Synchronization

@testable import AioGSource

/// Prefer it for tasks.
final class TestExecutor: TaskExecutor, Sendable {
  private let jobs = JobQueue()
  private let thread = Box<TestThread?>(nil)

  /// How many jobs came, in all.
  var enqueued: Int { jobs.enqueued }

  func enqueue(_ job: consuming ExecutorJob) {
    jobs.append(UnownedJob(job))
  }

  /// Starts a task here.
  @discardableResult
  func start<Success: Sendable>(
    _ body: sending @escaping @isolated(any) () async throws -> Success
  ) -> Task<Success, any Error> {
    Task(executorPreference: self, operation: body)
  }

  /// Runs what is there, and what that brings, on the calling thread.
  func run() {
    while let job = jobs.take() { job.runSynchronously(on: asUnownedTaskExecutor()) }
  }

  func startThread() {
    thread.value = TestThread { [self] in
      while let job = jobs.take(waiting: true) {
        job.runSynchronously(on: asUnownedTaskExecutor())
      }
    }
  }

  /// Ends the thread once nothing is left to do.
  func stopThread() {
    jobs.end()
    thread.value?.join()
    thread.value = nil
  }

  /// Runs `body` with so many executors that have a thread each.
  static func withThreads(
    _ count: Int, _ body: ([TestExecutor]) async throws -> Void
  ) async rethrows {
    let executors = (0..<count).map { _ in TestExecutor() }
    for executor in executors { executor.startThread() }
    defer { for executor in executors { executor.stopThread() } }
    try await body(executors)
  }
}

/// For an actor. Run by hand.
final class TestSerialExecutor: SerialExecutor, Sendable {
  private let jobs = JobQueue()

  var enqueued: Int { jobs.enqueued }

  func enqueue(_ job: consuming ExecutorJob) {
    jobs.append(UnownedJob(job))
  }

  func run() {
    while let job = jobs.take() { job.runSynchronously(on: asUnownedSerialExecutor()) }
  }
}

/// Does not allocate: it is not to be seen where allocations are counted.
private final class JobQueue: @unchecked Sendable {
  private static let capacity = 16_384

  private let lock = Lock()
  private let changed = Condition()
  private let jobs = UnsafeMutablePointer<UnownedJob>.allocate(capacity: capacity)
  // Under the lock.
  private var taken = 0
  private var appended = 0
  private var isEnding = false

  deinit { jobs.deallocate() }

  var enqueued: Int { lock.withLock { appended } }

  func append(_ job: UnownedJob) {
    lock.withLock {
      precondition(appended - taken < Self.capacity, "more jobs than a test may have")
      jobs[appended % Self.capacity] = job
      appended += 1
      changed.signal()
    }
  }

  /// The next; nil if there is none, or, waiting, if there will be none.
  func take(waiting: Bool = false) -> UnownedJob? {
    lock.withLock {
      while waiting && taken == appended && !isEnding { lock.wait(for: changed) }
      if taken == appended { return nil }
      taken += 1
      return jobs[(taken - 1) % Self.capacity]
    }
  }

  func end() {
    lock.withLock {
      isEnding = true
      changed.broadcast()
    }
  }
}
