// A context as an executor of Swift's concurrency: two objects over one job queue. They are two because one object in
// both roles makes every hop between tasks with and without the preference a switch: 33 ns become 900.
//
// Any thread may enqueue; jobs run on the home thread. The executors outlive the context as long as a task has one; a job
// that comes after the context is gone traps.

/// A context as a serial executor: what an actor names as its own, to run on the context's home thread.
///
/// Got from ``AioContext/serialExecutor``.
public final class ContextSerialExecutor: SerialExecutor {
  let queue: JobQueue

  init(queue: JobQueue) { self.queue = queue }

  /// Has a job of an actor's run at the end of a pass. Any thread; the runtime calls it. Traps once the context is gone.
  public func enqueue(_ job: consuming ExecutorJob) {
    queue.enqueue(UnownedJob(job), .serialExecutor)
  }

  /// The executor as actors name it. Any thread.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  /// What `assumeIsolated` and its like ask: whether the calling thread is the context's home. Its jobs run on no other,
  /// so none runs meanwhile.
  public func isIsolatingCurrentContext() -> Bool? { queue.notifyState.isHome }

  /// Traps, naming the context, on any thread but its home. The runtime calls it.
  public func checkIsolated() {
    precondition(
      queue.notifyState.isHome,
      "code isolated to AioContext '\(queue.name)' was called on another thread than its home thread"
    )
  }
}

/// A context as a task executor: what a task prefers, to run its nonisolated code on the context's home thread.
///
/// Got from ``AioContext/taskExecutor``.
public final class ContextTaskExecutor: TaskExecutor {
  let queue: JobQueue

  init(queue: JobQueue) { self.queue = queue }

  /// Has a job of a task's run at the end of a pass. Any thread; the runtime calls it. Traps once the context is gone.
  public func enqueue(_ job: consuming ExecutorJob) {
    queue.enqueue(UnownedJob(job), .taskExecutor)
  }

  /// The executor as tasks prefer it. Any thread.
  public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
    UnownedTaskExecutor(ordinary: self)
  }
}
