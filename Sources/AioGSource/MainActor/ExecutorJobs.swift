// The jobs of an executor that another target defines, on the queue of a context: what the main executor is made of. Jobs
// are enqueued by any thread, and run on the main thread.

import Glibc

/// An executor's way to a context. It is made once and never freed, as executors of the process are.
package final class ExecutorJobs: @unchecked Sendable {
  /// As whom jobs run.
  package enum Identity: @unchecked Sendable {
    case serial(UnownedSerialExecutor)
    /// As those of no executor: what they call next is not a switch.
    case generic
  }

  private let queue: JobQueue
  private let context: Unmanaged<AioContext>
  private let runner: Unmanaged<JobRunner>
  private let thread = pthread_self()

  /// Main thread.
  package init(context: AioContext, identity: Identity) {
    queue = context.jobs
    self.context = .passRetained(context)
    let executor: UnownedSerialExecutor =
      switch identity {
      case .serial(let executor): executor
      // Two null words are the generic executor to the runtime.
      case .generic: unsafeBitCast((0, 0), to: UnownedSerialExecutor.self)
      }
    runner = .passRetained(MainThreadRunner(executor: executor))
  }

  /// Whether the calling thread is the one that jobs run on.
  package var isOnMainThread: Bool { pthread_equal(thread, pthread_self()) != 0 }

  /// Any thread.
  package func enqueue(_ job: UnownedJob) {
    queue.enqueue(job, .runner(runner))
  }

  /// The same, once the time is over. Any thread.
  package func enqueue(_ job: UnownedJob, after delay: Duration) {
    let timer = RetainedTimer()
    timer.timer = context._withUnsafeGuaranteedRef {
      $0.makeTimer(name: "sleep of a task") { [self] in
        timer.timer = nil
        enqueue(job)
      }
    }
    // The callback lets go of it, once this call has: arming takes a lock, and so does the callback's way to its call.
    timer.timer?.arm(after: delay)
  }

  private final class RetainedTimer: @unchecked Sendable {
    var timer: AioTimer?
  }
}

private final class MainThreadRunner: JobRunner, @unchecked Sendable {
  private let executor: UnownedSerialExecutor
  private let thread = pthread_self()

  init(executor: UnownedSerialExecutor) { self.executor = executor }

  override func run(_ job: UnownedJob) {
    precondition(
      pthread_equal(thread, pthread_self()) != 0,
      """
      a GMainContext that serves the main actor was run by another thread than the main thread; \
      install the MainActorBridge on one that the main thread runs
      """)
    job.runSynchronously(on: executor)
  }
}
