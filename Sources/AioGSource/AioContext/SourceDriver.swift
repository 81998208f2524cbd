// The GSource driver: GLib waits, and the context does the rest in prepare, check and dispatch. Home thread only, which
// under GLib is the thread that owns the GMainContext. Contract 3, 14, 25.

import CGLib
import CLiburing
import Glibc
import SystemPackage

extension AioContext {
  // MARK: What GLib calls

  /// Before GLib's poll. True if there is something to do already; else `timeout` is GLib's, in milliseconds.
  func sourcePrepare(_ timeout: UnsafeMutablePointer<gint>) -> Bool {
    followHome()
    timeout.pointee = -1
    counters.iterations &+= 1
    // GLib may be going to sleep. What a last look finds stays on the ready list, and makes the source ready (H2).
    while busyPolling.isActive { _ = leaveBusyMode() }
    var isReady = !ready.isEmpty || jobs.hasJobs || bottomHalves.work() == .ready
    // From here on whoever changes something writes to the event notifier; so what follows looks at everything that
    // another thread may change. A source that is ready already is not slept on, and needs no window.
    if !isReady { notifyState.state.openSourceWindow() }
    if unretainedMonitor._withUnsafeGuaranteedRef({ $0.hasSuspended }) {
      activeMonitor.resumeSuspended(handlers)
    }
    reviewMonitor()
    if !isReady { isReady = isSomethingDue(timeout) }
    // After the above, so that what it asked of the monitor goes out with it; and always, so that requests do not linger.
    if let unretainedIO {
      isReady = unretainedIO._withUnsafeGuaranteedRef { $0.prepareForWait() } || isReady
    }
    isReady =
      unretainedMonitor._withUnsafeGuaranteedRef { $0.prepare(handlers: handlers) } || isReady
    // What other threads removed, for GLib may not dispatch us for long.
    if depth == 0 { reapHandlers() }
    if isReady {
      // GLib asks nobody before it dispatches a ready source: what comes until then is seen by the dispatch, and writing
      // to the event notifier for it would be for nobody.
      notifyState.state.closeSourceWindow()
      return true
    }
    return false
  }

  /// Whether a job, a bottom half or a timer is due; if not, `timeout` and the timerfd end GLib's sleep when one will be.
  private func isSomethingDue(_ timeout: UnsafeMutablePointer<gint>) -> Bool {
    if jobs.hasJobs { return true }
    switch bottomHalves.work() {
    case .ready: return true
    case .idle: timeout.pointee = Timeout.milliseconds(Self.idleInterval)
    case .none:
      // Someone has to let go of them, and nothing else would call for the pass that does.
      if bottomHalves.hasDeleted() { return true }
    }
    return armDeadlineTimer(timeout)
  }

  /// After GLib's poll.
  func sourceCheck() -> Bool {
    followHome()
    notifyState.state.closeSourceWindow()
    notifyState.state.accept()
    return bottomHalves.work() != .none || !ready.isEmpty || jobs.hasJobs
      || unretainedMonitor._withUnsafeGuaranteedRef { $0.check(handlers: handlers) }
      || timers.timeUntilDeadline() == 0 || bottomHalves.hasDeleted()
      || unretainedIO?._withUnsafeGuaranteedRef { $0.hasCompletions } ?? false
  }

  /// How many passes a dispatch may run while requests complete at once, and for how long, in nanoseconds, it goes on:
  /// an iteration of GLib's costs as much as a small read, and other sources are to be served in between.
  static let dispatchRounds = 64
  static let dispatchTime: Int64 = 1_000_000

  /// One pass, and further ones while what callbacks asked for is finished as soon as it is submitted.
  func sourceDispatch() {
    followHome()
    let outer = enter()
    defer { leave(outer) }
    // Where prepare said ready, GLib skipped check.
    notifyState.state.closeSourceWindow()
    notifyState.state.accept()
    // A monitor that failed since prepare may speak of handlers long freed.
    reviewMonitor()
    depth += 1
    unretainedMonitor._withUnsafeGuaranteedRef { $0.collect(ready: ready, handlers: handlers) }
    _ = runPass()
    unretainedIO?._withUnsafeGuaranteedRef { runFurtherPasses($0) }
  }

  private func runFurtherPasses(_ loopIO: LoopIO) {
    var start: Int64 = 0
    for round in 1..<Self.dispatchRounds {
      if !loopIO.hasQueued && !loopIO.hasCompletions { return }
      _ = loopIO.prepareForWait()
      _ = activeMonitor.prepare(handlers: handlers)
      if !loopIO.hasCompletions { return }
      if round % 8 == 1 {
        let now = kernel.monotonicNow
        if start == 0 { start = now }
        if now - start > Self.dispatchTime { return }
      }
      notifyState.state.accept()
      // As above, and the callbacks of the pass before may be why.
      reviewMonitor()
      depth += 1
      activeMonitor.collect(ready: ready, handlers: handlers)
      _ = runPass()
    }
  }

  // MARK: The deadline under GLib

  /// Sees to it that GLib's sleep ends when the next timer is due. True if one is.
  private func armDeadlineTimer(_ timeout: UnsafeMutablePointer<gint>) -> Bool {
    guard let deadline = timers.earliestDeadline() else {
      if deadlineTimer != nil { deadlineTimer!.set(nil) }
      return false
    }
    let left = deadline - kernel.monotonicNow
    if left <= 0 { return true }
    if deadlineTimer == nil && !makeDeadlineTimer() {
      // Out of descriptors: GLib's milliseconds will have to do.
      timeout.pointee = gint(
        Timeout.sooner(Int64(timeout.pointee), Int64(Timeout.milliseconds(left))))
      return false
    }
    deadlineTimer!.set(deadline)
    return false
  }

  private func makeDeadlineTimer() -> Bool {
    guard let timer = try? DeadlineTimer(kernel: kernel) else { return false }
    let owner = Unmanaged.passUnretained(self)
    let callbacks = HandlerCallbacks(onReadable: {
      owner._withUnsafeGuaranteedRef { $0.deadlineHasExpired = true }
    })
    let descriptor = timer.descriptor
    deadlineTimer = consume timer
    let handler = Handler.make(
      HandlerNode(descriptor: descriptor, role: .deadline, callbacks: callbacks))
    handlers.replace(descriptor: descriptor, with: handler)
    // A monitor that could not take it has to go before GLib sleeps, and nobody else looks.
    reviewMonitor()
    return true
  }

  /// The timerfd was readable in this pass: setting it to what is due next, or to nothing, makes it unreadable.
  @inline(never)
  func rearmDeadlineTimer() {
    deadlineHasExpired = false
    let deadline = timers.earliestDeadline()
    deadlineTimer!.expired(next: deadline)
  }

  // MARK: The seed's own three, for a loop that is neither GLib's nor ours

  /// Gets ready for a wait that somebody else makes: leaves busy polling, and hands over what was asked for. Always
  /// false. Home thread.
  ///
  /// Stands for `aio_prepare`.
  @discardableResult
  public func prepare() -> Bool {
    requireHome()
    while busyPolling.isActive { _ = leaveBusyMode() }
    if let loopIO {
      _ = loopIO.prepareForWait()
      _ = activeMonitor.prepare(handlers: handlers)
    }
    if depth == 0 { reapHandlers() }
    return false
  }

  /// Whether the handler of a ready descriptor, or a request's completion, would be called by ``dispatch()``. Home thread.
  ///
  /// Stands for `aio_pending`.
  public var isPending: Bool {
    requireHome("isPending")
    look()
    if loopIO?.hasCompletions ?? false { return true }
    return ready.contains { handler in
      if handler.isDeleted || !isServiced(isExternal: handler.pointee.isExternal) { return false }
      let wanted = handler.pointee.readerMask | handler.pointee.writerMask
      return handler.pointee.readiness & wanted != 0 || handler.pointee.isPollReady
    }
  }

  /// Runs one pass over what is ready now, without waiting. Home thread.
  ///
  /// Stands for `aio_dispatch`.
  public func dispatch() {
    requireHome()
    let outer = enter()
    defer { leave(outer) }
    look()
    notifyState.state.accept()
    depth += 1
    _ = runPass()
  }

  private func look() {
    takeOverFromGLib()
    _ = loopIO?.prepareForWait()
    if activeMonitor.hasSuspended { activeMonitor.resumeSuspended(handlers) }
    reviewMonitor()
    activeMonitor.wait(timeout: 0, ready: ready, handlers: handlers)
  }
}
