// The context itself: what it is made of, how it begins and ends. What it does stands in the extensions beside this
// file: the pass, the two drivers, handlers, bottom halves and timers, the home thread, introspection.

import CGLib
import CLiburing
import Glibc
import Synchronization
import SystemPackage

/// An event loop for one thread: fd handlers, bottom halves, nanosecond timers, block and socket I/O, tasks and actors.
///
/// A context runs inside GLib's loop once it is attached to a `GMainContext` (``attach(to:priority:)``), or alone
/// through ``poll(blocking:)``; both may be used on one context, by turns and nested. The thread that runs it first is
/// its home thread: callbacks run there, and methods documented as home thread only must be called there.
///
/// ```swift
/// let context = try AioContext(name: "main")
/// try context.attach()
/// context.schedule { print("on the loop") }
/// MainLoop().run()
/// ```
///
/// Destroying a context (the last reference goes, and no attached source holds it) traps in a debug build, by name, if
/// it still has a scheduled bottom half, an armed timer, an fd handler or a request under way; a release build drops the
/// first three, and cancels requests and waits for them.
///
/// Stands for `AioContext`, `aio_context_new`, `aio_context_ref` and `aio_context_unref`.
public final class AioContext: @unchecked Sendable {
  /// The name it was made with; its GSource carries it too.
  public let name: String

  let kernel: Kernel
  let notifyState: NotifyState
  let bottomHalves: BottomHalfQueue
  let handlers: HandlerTable
  let timers: TimerGroup
  let jobs: JobQueue
  let ready = ReadyList()
  let busyPolling: BusyPolling
  let ownership = Lock(recursive: true)
  let waiters = Waiters()
  let selection: MonitorSelection

  /// The context as an executor for actors; see ``unownedExecutor``. Any thread.
  public let serialExecutor: ContextSerialExecutor
  /// The context as an executor for tasks: `Task(executorPreference: context.taskExecutor) { … }` runs its nonisolated
  /// code, and what that awaits, on the home thread, at the end of a pass. Any thread.
  public let taskExecutor: ContextTaskExecutor

  /// The next wait is to be a ring's, where there is one.
  let isRingWanted = Atomic<Bool>(false)
  /// Stored, with release, at the end of each call that GLib makes.
  let sourceWasLeft = Atomic<Bool>(false)

  // Home thread only, from here on.

  /// The same as the table's, without its lock.
  var activeMonitor: Monitor {
    didSet { unretainedMonitor = .passUnretained(activeMonitor) }
  }
  /// The same, for what each pass calls of it: nobody replaces it meanwhile, and it need not be retained.
  private(set) var unretainedMonitor: Unmanaged<Monitor>
  /// From how many watched handlers on poll is outgrown. Looked at in each pass: not to be reached where that is not so.
  var epollThreshold: Int
  /// How many passes are under way, one inside the other: while there is one, no removed handler is freed.
  var depth = 0
  /// How many calls of a driver are under way: passes, and the timers that come after them.
  var activity = 0
  /// What the home thread keeps of the context that is current on it.
  var homeState: ThreadState?
  @exclusivity(unchecked) var deadlineTimer: DeadlineTimer?
  var deadlineHasExpired = false
  /// How long the last wait took, for adaptive polling; nil where it was not measured.
  var lastBlocked: Int64?
  var counters = Counters()
  /// What completes requests on this context, once there were any.
  var loopIO: LoopIO? {
    didSet { unretainedIO = loopIO.map { .passUnretained($0) } }
  }
  /// The same, for what each pass calls of it: it stays, and need not be retained.
  private(set) var unretainedIO: Unmanaged<LoopIO>?
  /// What tasks wait for on this context, once there were any.
  var tasks: LoopTasks?
  /// A handler of `loopIO`'s was called in this pass.
  var engineWasReady = false

  // Under the handler table's lock.

  /// Not retained: it retains us. Cleared before it is finalized.
  var source: UnsafeMutablePointer<GSource>?

  /// Makes a context. Any thread; the thread that runs it first becomes its home.
  ///
  /// - Throws: ``AioError/monitorUnavailable(_:_:)`` for a demanded monitor that cannot be had, ``AioError/system(call:_:)``
  ///   where the kernel has no descriptor for the event notifier, and ``AioError/invalidPollingParameters(_:)``. Nothing
  ///   is left behind then.
  public convenience init(name: String = "aio", configuration: Configuration = Configuration())
    throws(AioError)
  {
    try self.init(name: name, configuration: configuration, kernel: .system)
  }

  init(name: String, configuration: Configuration, kernel: Kernel) throws(AioError) {
    try configuration.polling.validate()
    let notifier: EventNotifier
    do {
      notifier = try EventNotifier(kernel: kernel)
    } catch {
      throw .system(call: "eventfd", error)
    }
    let monitor = try Self.makeMonitor(configuration, kernel)

    self.kernel = kernel
    self.name = name
    selection = configuration.monitor
    notifyState = NotifyState(notifier: notifier)
    bottomHalves = BottomHalfQueue(notifyState: notifyState)
    timers = TimerGroup(kernel: kernel, notifyState: notifyState)
    jobs = JobQueue(name: name, kernel: kernel, notifyState: notifyState)
    serialExecutor = ContextSerialExecutor(queue: jobs)
    taskExecutor = ContextTaskExecutor(queue: jobs)
    handlers = HandlerTable(monitor: monitor)
    busyPolling = BusyPolling(kernel: kernel)
    activeMonitor = monitor
    epollThreshold = monitor.kind == .poll ? Self.epollThreshold(configuration.monitor) : .max
    unretainedMonitor = .passUnretained(monitor)
    busyPolling.set(configuration.polling)
    jobs.bind(
      to: Unmanaged.passUnretained(self).toOpaque(), serial: serialExecutor, task: taskExecutor)
    watchNotifier()
  }

  deinit {
    // Its requests and workers are the parent's.
    notifyState.requireOwnProcess("deinit")
    precondition(activity == 0, "AioContext '\(name)' was destroyed inside one of its own passes")
    if !notifyState.isHome { notifyState.releaseHome(of: homeState) }
    // The order of contract 2.3: what could still call back, then what it calls with.
    var leaks = loopIO?.close() ?? []
    leaks += tasks?.close() ?? []
    leaks += bottomHalves.close().map { "bottom half '\($0)' is scheduled" }
    activeMonitor.close(handlers: handlers)
    leaks += handlers.close().map { "the handler of \($0) is registered" }
    let jobsLeft = jobs.close()
    if jobsLeft > 0 { leaks.append("\(jobsLeft) jobs of tasks have not run") }
    leaks += timers.close().map { "timer '\($0)' is armed" }
    // The event notifier closes with the last who may write to it.
    assert(
      leaks.isEmpty,
      "AioContext '\(name)' was destroyed while " + leaks.joined(separator: ", and "))
  }

  /// The event notifier is a handler like any other, but its readiness is not progress.
  private func watchNotifier() {
    let state = notifyState
    let callbacks = HandlerCallbacks(
      onReadable: { state.notifier.testAndClear() },
      poll: { state.state.isNotified })
    let descriptor = notifyState.notifier.fileDescriptor.rawValue
    let handler = Handler.make(
      HandlerNode(descriptor: descriptor, role: .notifier, callbacks: callbacks))
    handlers.replace(descriptor: descriptor, with: handler)
  }
}

extension PollingParameters {
  func validate() throws(AioError) {
    if maximum < .zero || grow < 0 || shrink < 0 {
      throw .invalidPollingParameters(self)
    }
  }
}
