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
    context.notifyState.requireOwnProcess("IOThread.stop()")
    precondition(
      !context.isHomeThread || core.isStopped,
      "IOThread '\(name)' cannot stop itself: a thread cannot wait for its own end")
    core.stop()
  }

  /// The thread's GMainContext. The first use makes the thread run it, and with it the context, from then on.
  ///
  /// - Throws: ``AioError/stopped``.
  ///
  /// Stands for `iothread_get_g_main_context`.
  public func mainContext() throws(AioError) -> MainContext {
    if core.isStopped { throw .stopped }
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
  private enum State {
    case new
    case running
    case stopping
    case ended
  }

  let context: AioContext
  let mainContext = MainContext()
  private let mainLoop: MainLoop
  private let isRunning = Atomic<Bool>(true)
  private let usesMainContext = Atomic<Bool>(false)

  private let lock = Lock()
  private let changed = Condition()
  // Under the lock.
  private var thread: pthread_t?
  private var state = State.new

  init(context: AioContext) {
    self.context = context
    mainLoop = MainLoop(mainContext)
  }

  var isStopped: Bool { lock.withLock { state == .stopping || state == .ended } }

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
    let status = context.kernel.threadCreate(&thread, owner.toOpaque(), ioThreadMain)
    if status != 0 {
      owner.release()
      context.detach()
      throw .system(call: "pthread_create", Errno(rawValue: -status))
    }
    _ = pthread_setname_np(thread, String(decoding: name.utf8.prefix(15), as: UTF8.self))
    lock.withLock {
      self.thread = thread
      while state == .new { lock.wait(for: changed) }
    }
  }

  func run() {
    context.requireHome("IOThread")
    g_main_context_push_thread_default(mainContext.pointer)
    advance(to: .running)
    while isRunning.load(ordering: .acquiring) {
      context.poll(blocking: true)
      if isRunning.load(ordering: .acquiring) && usesMainContext.load(ordering: .acquiring) {
        mainLoop.run()
      }
    }
    // What was scheduled before the stop and stands behind it, and the stop itself where GLib ended the loop.
    context.pollBottomHalves()
    g_main_context_pop_thread_default(mainContext.pointer)
    context.detach()
    context.releaseHomeThread()
  }

  func runMainContext() {
    // Notified after the flag: a sleeping poll returns, and the thread sees it.
    if !usesMainContext.exchange(true, ordering: .acquiringAndReleasing) { context.notify() }
  }

  /// Returns when the thread has ended, whoever stops it; at once in that thread, which ends by itself then.
  func stop() {
    let (isFirst, thread): (Bool, pthread_t?) = lock.withLock {
      if state != .running { return (false, self.thread) }
      state = .stopping
      return (true, self.thread)
    }
    guard let thread else { return }
    let isOwn = pthread_equal(thread, pthread_self()) != 0
    if isFirst {
      if isOwn {
        // The last reference went in one of its own callbacks.
        pthread_detach(thread)
        quit()
        advance(to: .ended)
        return
      }
      context.schedule(name: "stop IOThread") { [self] in quit() }
      let source = quitMainLoop()
      pthread_join(thread, nil)
      g_source_destroy(source)
      g_source_unref(source)
      advance(to: .ended)
    } else if !isOwn {
      lock.withLock {
        while state == .stopping { lock.wait(for: changed) }
      }
    }
  }

  private func quit() {
    isRunning.store(false, ordering: .releasing)
    mainLoop.quit()
  }

  /// By way of GLib as well, for a context that was detached by hand: after what was scheduled on it, for an idle source
  /// comes last.
  private func quitMainLoop() -> UnsafeMutablePointer<GSource> {
    let source = g_idle_source_new()!
    g_source_set_callback(
      source,
      { data in
        Unmanaged<Core>.fromOpaque(data!).takeUnretainedValue().quit()
        return G_SOURCE_REMOVE
      }, Unmanaged.passRetained(self).toOpaque(),
      { Unmanaged<Core>.fromOpaque($0!).release() })
    g_source_attach(source, mainContext.pointer)
    return source
  }

  private func advance(to state: State) {
    lock.withLock {
      self.state = state
      changed.broadcast()
    }
  }
}

private func ioThreadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  let core = Unmanaged<Core>.fromOpaque(argument!).takeRetainedValue()
  core.run()
  return nil
}
