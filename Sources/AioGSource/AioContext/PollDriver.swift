// The poll driver: the context runs itself, one pass a call. Home thread only. Contract 13, 12, 10.

import CLiburing
import Glibc

extension AioContext {
  /// How often an idle bottom half runs at the least: every 10 ms.
  static let idleInterval: Int64 = 10_000_000

  /// Runs one pass: waits, if told to, until there is something to do, then runs the completions of requests, bottom
  /// halves, the handlers of ready descriptors, due timers, and the jobs of tasks and actors, in this order.
  ///
  /// Home thread; from any callback too, to any depth.
  ///
  /// - Parameter blocking: whether to wait. A wait also ends when another thread notifies the context, or a signal comes.
  /// - Returns: whether a callback ran, those of idle bottom halves not counted. A blocking call may return false: it was
  ///   notified, interrupted, or the kernel's housekeeping ended the wait.
  ///
  /// Stands for `aio_poll`.
  @discardableResult
  public func poll(blocking: Bool) -> Bool {
    requireHome()
    precondition(
      !jobs.isInCoroutine,
      "poll(blocking:) of AioContext '\(name)' was called in a coroutine, which has to yield instead"
    )
    let outer = enter()
    defer { leave(outer) }
    takeOverFromGLib()
    if unretainedMonitor._withUnsafeGuaranteedRef({ $0.hasSuspended }) {
      activeMonitor.resumeSuspended(handlers)
    }
    reviewMonitor()
    depth += 1
    let wasLooking = notifyState.isLooking
    notifyState.isLooking = true
    let isPolling = busyPolling.isEnabled
    let start = isPolling ? kernel.monotonicNow : 0

    let hasCompletions = unretainedIO?._withUnsafeGuaranteedRef { $0.prepareForWait() } ?? false
    var timeout = blocking && ready.isEmpty && !hasCompletions ? timeoutNanoseconds() : 0
    if isPolling { timeout = pollBusily(timeout) }
    if timeout != 0 && busyPolling.isActive { timeout = leaveBusyMode(before: timeout) }
    // All those callbacks may have made requests.
    if isPolling, let loopIO, loopIO.prepareForWait() { timeout = 0 }
    if !ready.isEmpty { timeout = 0 }
    wait(timeout, isPolling: isPolling)
    notifyState.isLooking = wasLooking
    if isPolling && blocking { noteBlocked(since: start) }

    return runPass()
  }

  /// What adaptive polling learns from: how long it was until something came, from before the timeout was computed.
  private func noteBlocked(since start: Int64) {
    let blocked = kernel.monotonicNow - start
    lastBlocked = blocked
    if activeMonitor.kind == .ioURing {
      busyPolling.adjustCompletions(
        blocked: blocked, found: !ready.isEmpty || loopIO?.hasCompletions ?? false)
    }
  }

  /// Before a look that GLib does not make. If GLib is between prepare and its poll, what prepare found will not be true
  /// any more, and the wake-up meant for GLib may be what we take: GLib is sent round again, by a wake-up of its own. If
  /// that was long ago (GLib skips our check for the sake of a more urgent source, or the source was destroyed), this
  /// ends it.
  @inline(__always)
  func takeOverFromGLib() {
    if notifyState.state.isSourceWindowOpen { endSourceWindow() }
  }

  @inline(never)
  private func endSourceWindow() {
    notifyState.state.closeSourceWindow()
    wakeUpGLib()
  }

  @inline(never)
  private func pollBusily(_ timeout: Int64) -> Int64 {
    busyPolling.run(
      timeout: timeout, monitor: activeMonitor, handlers: handlers, ready: ready,
      notifyState: notifyState, loopIO: loopIO)
  }

  /// Only right before a real sleep: leaving and entering busy mode has a price (816a430c51). And be it off by now. What
  /// its callbacks nest may enter it again, and may take notice of what came since the timeout was computed.
  @inline(never)
  private func leaveBusyMode(before timeout: Int64) -> Int64 {
    var timeout = timeout
    while timeout != 0 && busyPolling.isActive {
      timeout = leaveBusyMode() ? 0 : Timeout.sooner(timeout, timeoutNanoseconds())
    }
    return timeout
  }

  /// Leaves busy mode, whose callbacks may call anything. True if a last look found something.
  @inline(never)
  func leaveBusyMode() -> Bool {
    let outer = enter()
    depth += 1
    let found = busyPolling.stop(handlers: handlers, ready: ready)
    depth -= 1
    leave(outer)
    return found
  }

  /// Waits for descriptors, inside a notification window if it may sleep, and accepts notifications.
  @inline(__always)
  private func wait(_ requested: Int64, isPolling: Bool) {
    var timeout = requested
    if requested != 0 {
      counters.waits &+= 1
      if notifyState.state.openPollWindow() { timeout = 0 }
    }
    // A wait that cannot sleep is made only if it may find something. With busy polling on, a non-blocking call leaves
    // handlers that can be polled to that, as the seed does (10.6).
    unretainedMonitor._withUnsafeGuaranteedRef {
      if timeout != 0 || $0.needsWait(handlers)
        || (!isPolling && handlers.watchedCount != 0 && $0.kind != .ioURing)
      {
        $0.wait(timeout: timeout, ready: ready, handlers: handlers)
      }
    }
    if requested != 0 { notifyState.state.closePollWindow() }
    notifyState.state.accept()
  }

  /// How long a blocking poll may sleep: nil for no limit, zero if there is something to do at once.
  ///
  /// Home thread. Stands for `aio_compute_timeout`.
  public func computeTimeout() -> Duration? {
    requireHome()
    let timeout = timeoutNanoseconds()
    return timeout < 0 ? nil : .nanoseconds(timeout)
  }

  @inline(never)
  func timeoutNanoseconds() -> Int64 {
    if jobs.hasJobs { return 0 }
    let untilIdle: Int64
    switch bottomHalves.work() {
    case .ready: return 0
    case .idle: untilIdle = Self.idleInterval
    case .none: untilIdle = -1
    }
    return Timeout.sooner(untilIdle, timers.timeUntilDeadline())
  }
}
