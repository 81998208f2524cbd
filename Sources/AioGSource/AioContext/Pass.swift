// The pass: what both drivers do once a wait is over. Completions of requests, then bottom halves, then the handlers that
// are ready, then timers, then the jobs of tasks. Home thread only. Contract 13.1, 3.3, 25.4.
//
// Jobs come last, so that a task which any of the others resumed goes on in the same pass.
//
// Nothing here allocates or takes a lock (the timers' own apart); only the requests that callbacks make may cost a system
// call, when there are enough of them for a batch.

import CLiburing

extension AioContext {
  /// Runs one pass; true if it made progress. `depth` was raised before, and comes down here: before the timers, so that
  /// what their callbacks remove goes at once.
  @inline(__always)
  func runPass() -> Bool {
    var progress = unretainedIO?._withUnsafeGuaranteedRef { $0.run() } ?? false
    progress = bottomHalves.run() || progress
    progress = dispatchReady() || progress
    if engineWasReady { progress = runWhatHandlersBrought() || progress }
    lastBlocked = nil
    depth -= 1
    if depth == 0 { reapHandlers() }
    progress = timers.run() || progress
    if progress, let tasks, tasks.isWatchingPasses { tasks.passEnded() }
    progress = jobs.run() || progress
    if deadlineHasExpired { rearmDeadlineTimer() }
    counters.passes &+= 1
    return progress
  }

  /// A handler that is an engine's own only collects: what it brought is completed here, in the same pass.
  @inline(never)
  private func runWhatHandlersBrought() -> Bool {
    engineWasReady = false
    return loopIO?.run() ?? false
  }

  @inline(__always)
  private func dispatchReady() -> Bool {
    ready.isEmpty && lastBlocked == nil ? false : dispatchAllReady()
  }

  @inline(never)
  private func dispatchAllReady() -> Bool {
    let blocked = lastBlocked
    if let blocked, busyPolling.isEnabled { busyPolling.shrinkAll(blocked: blocked) }
    var progress = false
    while let handler = ready.pop() {
      if let blocked, handler.pointee.callbacks.poll != nil,
        blocked <= busyPolling.maximumNanoseconds
      {
        busyPolling.adjust(handler, blocked: blocked)
      }
      progress = dispatch(handler) || progress
    }
    return progress
  }

  /// Calls what the handler's readiness calls for. A callback may remove it, or nest a pass: it is off every list by
  /// now, its readiness is taken, and its memory stays while `depth` is above zero.
  private func dispatch(_ handler: Handler) -> Bool {
    let readiness = handler.pointee.readiness
    let isPollReady = handler.pointee.isPollReady
    handler.pointee.readiness = 0
    handler.pointee.isPollReady = false
    if !isServiced(handler) { return false }

    var progress = false
    var read = readiness & handler.pointee.readerMask != 0
    let write = readiness & handler.pointee.writerMask != 0
    if isPollReady {
      // Off the polled ones while it runs: a nested poll would find it ready again, and again (6d740fb01b).
      busyPolling.remove(handler)
      if let onPollReady = handler.pointee.callbacks.onPollReady {
        onPollReady()
      } else if handler.pointee.callbacks.onReadable != nil {
        read = true
      }
      // With neither, the poll callback did the work itself, as the seed's does.
      progress = true
    }
    if read && isServiced(handler) {
      handler.pointee.callbacks.onReadable?()
      progress = true
    }
    if write && isServiced(handler) {
      handler.pointee.callbacks.onWritable?()
      progress = true
    }
    busyPolling.join(handler, handlers: handlers, ready: ready)
    counters.handlersRun &+= 1
    if handler.pointee.role == .engine { engineWasReady = true }
    return progress && handler.pointee.role == .user
  }

  @inline(__always)
  private func isServiced(_ handler: Handler) -> Bool {
    !handler.isDeleted && isServiced(isExternal: handler.pointee.isExternal)
  }

  /// Frees removed handlers; only with no pass under way.
  @inline(__always)
  func reapHandlers() {
    if handlers.hasRemoved { freeRemovedHandlers() }
  }

  @inline(never)
  private func freeRemovedHandlers() {
    handlers.reap { handler in
      busyPolling.remove(handler)
      if handler.pointee.isSuspended {
        activeMonitor.suspended.removeAll { $0 == handler }
      }
    }
  }
}
