// The executor itself, for the toolchains whose interface is known. Jobs may be enqueued by any thread; everything else is
// for the main thread.

import AioGSource

#if compiler(>=6.3) && compiler(<6.4)
  @_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) import _Concurrency

  enum MainExecutor {
    static let isAvailable = true

    /// Makes the process's executors.
    static func make(_ defaultExecutor: MainActorBridge.DefaultExecutor) throws(AioError)
      -> any MainExecutorService
    {
      let service = try ExecutorService(defaultExecutor)
      Factory.service = service
      _createExecutors(factory: Factory.self)
      if (MainActor.executor as AnyObject) !== service.main {
        throw .mainExecutorUnavailable(.refused)
      }
      return service
    }
  }

  /// What the runtime asks, once, for the process's executors.
  private struct Factory: ExecutorFactory {
    // Main thread.
    nonisolated(unsafe) static var service: ExecutorService?

    static var mainExecutor: any _Concurrency.MainExecutor { service!.main }
    static var defaultExecutor: any TaskExecutor {
      service!.fallback ?? PlatformExecutorFactory.defaultExecutor
    }
  }

  /// The context, and the executors on it.
  private final class ExecutorService: MainExecutorService {
    let context: AioContext
    let main: ContextMainExecutor
    let fallback: ContextDefaultExecutor?

    init(_ defaultExecutor: MainActorBridge.DefaultExecutor) throws(AioError) {
      context = try AioContext(name: "main executor")
      main = ContextMainExecutor(context)
      fallback = defaultExecutor == .mainContext ? ContextDefaultExecutor(context) : nil
    }

    func attach(to mainContext: MainContext, priority: CInt) throws(AioError) {
      try context.attach(to: mainContext, priority: priority)
    }

    func detach() {
      context.detach()
    }
  }

  private final class ContextMainExecutor: _Concurrency.MainExecutor, SchedulingExecutor,
    @unchecked Sendable
  {
    private var jobs: ExecutorJobs!

    init(_ context: AioContext) {
      jobs = ExecutorJobs(context: context, identity: .serial(asUnownedSerialExecutor()))
    }

    func enqueue(_ job: consuming ExecutorJob) {
      jobs.enqueue(UnownedJob(job))
    }

    func enqueue<C: Clock>(
      _ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C
    ) {
      jobs.enqueue(UnownedJob(job), after: delay)
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
      UnownedSerialExecutor(ordinary: self)
    }

    /// What `assumeIsolated` and its like ask.
    func isIsolatingCurrentContext() -> Bool? { jobs.isOnMainThread }

    func checkIsolated() {
      precondition(jobs.isOnMainThread, "code of the main actor was called on another thread")
    }

    // MARK: What an asynchronous main would call

    func run() throws { try runUntil { false } }

    func runUntil(_ condition: () -> Bool) throws {
      while !condition() {
        (MainActorBridge.current?.mainContext ?? .default).iteration(mayBlock: true)
      }
    }

    /// Nothing to stop: whoever runs GLib's loop quits it.
    func stop() {}
  }

  private final class ContextDefaultExecutor: TaskExecutor, SchedulingExecutor {
    private let jobs: ExecutorJobs

    init(_ context: AioContext) {
      jobs = ExecutorJobs(context: context, identity: .generic)
    }

    func enqueue(_ job: consuming ExecutorJob) {
      jobs.enqueue(UnownedJob(job))
    }

    func enqueue<C: Clock>(
      _ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C
    ) {
      jobs.enqueue(UnownedJob(job), after: delay)
    }
  }

  extension ExecutorJobs {
    fileprivate func enqueue<D: DurationProtocol>(_ job: UnownedJob, after delay: D) {
      guard let delay = delay as? Swift.Duration else {
        preconditionFailure(
          "the main executor can only wait on clocks whose durations are Duration")
      }
      enqueue(job, after: delay)
    }
  }
#else
  enum MainExecutor {
    static let isAvailable = false

    static func make(_ defaultExecutor: MainActorBridge.DefaultExecutor) throws(AioError)
      -> any MainExecutorService
    {
      throw .mainExecutorUnavailable(.toolchain)
    }
  }
#endif
