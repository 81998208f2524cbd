// A thread that runs a context. Any thread may use it.
//
// It starts by polling the context, which is the fast way; once somebody asks for its GMainContext it runs that, with
// the context attached, for good.

import CGLib
import CLiburing
import Glibc
import Synchronization
import SystemPackage

/// A thread with a context of its own, to spread work over.
///
/// The thread runs until ``stop()``, or until the last reference goes. All signals are blocked in it.
///
/// Stands for `IOThread`.
public final class IOThread: Sendable {
  /// The name it was made with; the thread and the context carry it too.
  public let name: String
  /// The context that the thread runs.
  public let context: AioContext

  private let core: Core

  /// Starts the thread; returns when it runs.
  ///
  /// - Throws: what making the context throws, and ``AioError/system(call:_:)`` where there is no thread to be had.
  ///   Nothing is left behind then.
  public init(
    name: String,
    configuration: AioContext.Configuration = .init(polling: .ioThread)
  ) throws(AioError) {
    self.name = name
    context = try AioContext(name: name, configuration: configuration)
    core = Core(context: context)
    try core.start(name: name)
  }

  deinit {
    core.stop()
  }

  /// Ends the thread, and returns when it has ended. What was scheduled on the context before has run by then; what is
  /// scheduled later stays, and is for the caller to run or delete: the context has no home thread any more.
  ///
  /// Any thread but this one, which traps. Calling it again does nothing.
  public func stop() {
    precondition(
      !context.isHomeThread || core.hasEnded,
      "IOThread '\(name)' cannot stop itself: a thread cannot wait for its own end")
    core.stop()
  }

  /// The thread's GMainContext. The first use makes the thread run it, and with it the context, from then on.
  ///
  /// - Throws: ``AioError/stopped``.
  ///
  /// Stands for `iothread_get_g_main_context`.
  public func mainContext() throws(AioError) -> MainContext {
    if core.hasEnded { throw .stopped }
    core.runMainContext()
    return core.mainContext
  }

  /// Sets how the thread busy polls. The same as ``AioContext/setPolling(_:)`` of its context.
  public func setPolling(_ parameters: PollingParameters) throws(AioError) {
    try context.setPolling(parameters)
  }
}

/// What the thread itself holds, so that it does not keep the IOThread alive.
private final class Core: @unchecked Sendable {
  let context: AioContext
  let mainContext = MainContext()
  private let mainLoop: MainLoop
  private let isRunning = Atomic<Bool>(true)
  private let usesMainContext = Atomic<Bool>(false)

  private let lock = Lock()
  private let changed = Condition()
  // Under the lock.
  private var thread: pthread_t?
  private var hasStarted = false
  private var isJoined = true

  init(context: AioContext) {
    self.context = context
    mainLoop = MainLoop(mainContext)
  }

  var hasEnded: Bool { lock.withLock { isJoined } }

  func start(name: String) throws(AioError) {
    do {
      try context.attach(to: mainContext)
    } catch {
      preconditionFailure("a new context is attached already")
    }
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    let owner = Unmanaged.passRetained(self)
    var thread = pthread_t()
    let status = pthread_create(&thread, nil, ioThreadMain, owner.toOpaque())
    if status != 0 {
      owner.release()
      context.detach()
      throw .system(call: "pthread_create", Errno(rawValue: status))
    }
    _ = pthread_setname_np(thread, String(decoding: name.utf8.prefix(15), as: UTF8.self))
    lock.withLock {
      self.thread = thread
      isJoined = false
      while !hasStarted { lock.wait(for: changed) }
    }
  }

  func run() {
    context.requireHome("IOThread")
    g_main_context_push_thread_default(mainContext.pointer)
    lock.withLock {
      hasStarted = true
      changed.broadcast()
    }
    while isRunning.load(ordering: .acquiring) {
      context.poll(blocking: true)
      if isRunning.load(ordering: .acquiring) && usesMainContext.load(ordering: .acquiring) {
        mainLoop.run()
      }
    }
    g_main_context_pop_thread_default(mainContext.pointer)
    context.releaseHomeThread()
  }

  func runMainContext() {
    // Notified after the flag: a sleeping poll returns, and the thread sees it.
    if !usesMainContext.exchange(true, ordering: .acquiringAndReleasing) { context.notify() }
  }

  func stop() {
    let thread: pthread_t? = lock.withLock {
      if isJoined { return nil }
      isJoined = true
      return self.thread
    }
    guard let thread else { return }
    context.schedule(name: "stop IOThread") { [self] in
      isRunning.store(false, ordering: .releasing)
      mainLoop.quit()
    }
    if pthread_equal(thread, pthread_self()) != 0 {
      // The last reference went in one of its own callbacks: it ends by itself.
      pthread_detach(thread)
    } else {
      pthread_join(thread, nil)
    }
    context.detach()
  }
}

private func ioThreadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  let core = Unmanaged<Core>.fromOpaque(argument!).takeRetainedValue()
  core.run()
  return nil
}
