// Busy polling: asking the poll callbacks of handlers, for a while, before the loop goes to sleep.
//
// A handler takes part from its first dispatch on, one that is only polled from its registration. On poll and epoll,
// which cannot see descriptors from user space, nothing is polled while there is a handler without a poll callback (the
// monitor's `needsWait` says so). A ring shows what the kernel completes without a system call, so on io_uring every
// handler, and every request on the ring, is polled for: they share one window, `completions`.
//
// Busy mode, in which handlers may have their event sources quiet (`pollBegan`), outlasts a wait that found something,
// and is left right before the loop really sleeps: after `pollEnded` each handler is polled once more, for what came in
// between.
//
// Where somebody else wants the processor, polling for completions ends (PollingSpan), and begins anew with the smallest
// window.
//
// The parameters may be set by any thread; all else is the home thread's.

import Glibc
import Synchronization

final class BusyPolling: Sendable {
  /// A handler that was not hit for so long leaves, where the monitor sees its descriptor without a system call: 7 s.
  /// A variable for the tests.
  let idleLimit = Atomic<Int64>(7_000_000_000)

  private let kernel: Kernel
  private let maximum = Atomic<Int64>(0)
  private let grow = Atomic<Int>(0)
  private let shrink = Atomic<Int>(0)
  private let generation = Atomic<Int>(0)

  private struct State {
    var first: Handler?
    var isActive = false
    var seenGeneration = 0
    var hits = 0
    /// For whatever a ring completes.
    var completions = PollingWindow()
  }
  /// Home thread only.
  nonisolated(unsafe) private let state: UnsafeMutablePointer<State>

  init(kernel: Kernel) {
    self.kernel = kernel
    state = .allocate(capacity: 1)
    state.initialize(to: State())
  }

  deinit {
    state.deinitialize(count: 1)
    state.deallocate()
  }

  // MARK: Any thread

  func set(_ parameters: PollingParameters) {
    maximum.store(parameters.maximum.nanoseconds, ordering: .relaxed)
    grow.store(parameters.grow, ordering: .relaxed)
    shrink.store(parameters.shrink, ordering: .relaxed)
    generation.add(1, ordering: .releasing)
  }

  var parameters: PollingParameters {
    PollingParameters(
      maximum: .nanoseconds(maximum.load(ordering: .relaxed)),
      grow: grow.load(ordering: .relaxed), shrink: shrink.load(ordering: .relaxed))
  }

  var maximumNanoseconds: Int64 { maximum.load(ordering: .relaxed) }
  var isEnabled: Bool { maximumNanoseconds != 0 }

  // MARK: Home thread

  var hits: Int { state.pointee.hits }

  var isActive: Bool { state.pointee.isActive }

  /// Puts a handler on the list, for the first time or again after its ready callback, in whatever mode the others are
  /// by now.
  func join(_ handler: Handler, handlers: HandlerTable, ready: ReadyList) {
    if handler.pointee.isPolled || handler.pointee.callbacks.poll == nil || handler.isDeleted {
      return
    }
    handler.pointee.isPolled = true
    handler.pointee.idleDeadline = 0
    handler.pointee.nextPolled = state.pointee.first
    state.pointee.first = handler
    if state.pointee.isActive {
      begin(handler)
    } else if end(handler, handlers: handlers) {
      hit(handler, now: kernel.monotonicNow, ready: ready)
    }
  }

  /// Takes a handler off the list, without a word to it.
  func remove(_ handler: Handler) {
    if !handler.pointee.isPolled { return }
    handler.pointee.isPolled = false
    if state.pointee.first == handler {
      state.pointee.first = handler.pointee.nextPolled
    } else {
      var cursor = state.pointee.first
      while let other = cursor, other.pointee.nextPolled != handler {
        cursor = other.pointee.nextPolled
      }
      cursor?.pointee.nextPolled = handler.pointee.nextPolled
    }
    handler.pointee.nextPolled = nil
  }

  /// Polls for as long as it is worth. Returns what is left of `timeout` (-1: no limit): 0 if something was found.
  func run(
    timeout: Int64, monitor: Monitor, handlers: HandlerTable, ready: ReadyList,
    notifyState: NotifyState, loopIO: LoopIO?
  ) -> Int64 {
    resetWindowsIfToldTo()
    handlers.takeNewPolled { join($0, handlers: handlers, ready: ready) }
    let seesCompletions = monitor.kind == .ioURing
    if state.pointee.first == nil && !seesCompletions { return timeout }
    var timeout = timeout
    let handlersWindow = longestWindow()
    let window =
      seesCompletions
      ? max(handlersWindow, state.pointee.completions.nanoseconds) : handlersWindow
    let limit = Timeout.sooner(timeout, window)
    if limit == 0 { return timeout }
    if seesCompletions && monitor.needsWait(handlers) {
      // What is prepared goes out first, or polling could not see its completions (contract 25.5).
      monitor.wait(timeout: 0, ready: ready, handlers: handlers)
      if !ready.isEmpty || loopIO?.hasCompletions ?? false { return 0 }
    }
    if monitor.needsWait(handlers) { return timeout }
    activate()
    let start = kernel.monotonicNow
    var span = PollingSpan(limit: limit, handlersWindow: handlersWindow)
    var elapsed: Int64 = 0
    repeat {
      // Whoever notifies us now does not write to the event notifier: we are awake.
      if notifyState.state.isNotified { timeout = 0 }
      if pollOnce(now: start, handlers: handlers, ready: ready) { timeout = 0 }
      if timeout == 0 { span.end() }
      if span.yields { sched_yield() }
      elapsed = kernel.monotonicNow - start
    } while span.goesOn(after: elapsed) && !monitor.needsWait(handlers)
    // Whoever else was running may be the very one that is waited for, and polling keeps it from its processor.
    if span.isCrowded && timeout != 0 { state.pointee.completions.reset() }
    if seesCompletions {
      if monitor.needsWait(handlers) {
        state.pointee.hits &+= 1
        timeout = 0
      }
      removeIdle(now: start + elapsed, handlers: handlers, ready: ready)
      // Its last look counts.
      if !ready.isEmpty { timeout = 0 }
    }
    if timeout > 0 { timeout -= min(timeout, elapsed) }
    return timeout
  }

  /// One round over all; true if one said yes. Hits of users' handlers join `ready`.
  private func pollOnce(now: Int64, handlers: HandlerTable, ready: ReadyList) -> Bool {
    var found = false
    var cursor = state.pointee.first
    while let handler = cursor {
      cursor = handler.pointee.nextPolled
      if handler.isDeleted || handler.pointee.isExternal && handlers.areExternalsDisabled {
        continue
      }
      if handler.pointee.callbacks.poll?() == true {
        found = true
        hit(handler, now: now, ready: ready)
      }
    }
    return found
  }

  private func hit(_ handler: Handler, now: Int64, ready: ReadyList) {
    handler.pointee.idleDeadline = now + idleLimit.load(ordering: .relaxed)
    if handler.pointee.role == .user && !handler.isDeleted {
      state.pointee.hits &+= 1
      ready.pushPolled(handler)
    }
  }

  /// Leaves busy mode, because the loop is going to sleep. True if a last look found something, so that it must not.
  func stop(handlers: HandlerTable, ready: ReadyList) -> Bool {
    if !state.pointee.isActive { return false }
    state.pointee.isActive = false
    var found = false
    var cursor = state.pointee.first
    while let handler = cursor {
      cursor = handler.pointee.nextPolled
      if end(handler, handlers: handlers) {
        found = true
        hit(handler, now: kernel.monotonicNow, ready: ready)
      }
    }
    return found
  }

  /// After a wait, for every handler it found ready.
  func adjust(_ handler: Handler, blocked: Int64) {
    handler.pointee.window.adjust(
      blocked: blocked, maximum: maximum.load(ordering: .relaxed),
      grow: Int64(grow.load(ordering: .relaxed)), shrink: Int64(shrink.load(ordering: .relaxed)))
  }

  /// After a wait on a ring: whether anything of the kernel's ended it.
  func adjustCompletions(blocked: Int64, found: Bool) {
    let maximum = maximum.load(ordering: .relaxed)
    if !found && blocked <= maximum { return }
    state.pointee.completions.adjust(
      blocked: blocked, maximum: maximum,
      grow: Int64(grow.load(ordering: .relaxed)), shrink: Int64(shrink.load(ordering: .relaxed)))
  }

  /// After a wait so long that polling for it would have been in vain: the others learn from it too.
  func shrinkAll(blocked: Int64) {
    if blocked <= maximum.load(ordering: .relaxed) { return }
    var cursor = state.pointee.first
    while let handler = cursor {
      adjust(handler, blocked: blocked)
      cursor = handler.pointee.nextPolled
    }
  }

  /// Sets a handler's transition callbacks; one that is in busy mode hears of it.
  func setTransitions(
    _ handler: Handler, began: (@Sendable () -> Void)?, ended: (@Sendable () -> Void)?
  ) {
    handler.pointee.pollBegan = began
    handler.pointee.pollEnded = ended
    if handler.pointee.isPollingBegun { began?() }
  }

  // MARK: Modes

  private func activate() {
    if state.pointee.isActive { return }
    state.pointee.isActive = true
    var cursor = state.pointee.first
    while let handler = cursor {
      cursor = handler.pointee.nextPolled
      begin(handler)
    }
  }

  private func begin(_ handler: Handler) {
    if handler.pointee.isPollingBegun || handler.isDeleted { return }
    handler.pointee.isPollingBegun = true
    handler.pointee.pollBegan?()
  }

  /// True if the poll after it hit.
  private func end(_ handler: Handler, handlers: HandlerTable) -> Bool {
    guard handler.pointee.isPollingBegun else { return false }
    handler.pointee.isPollingBegun = false
    if handler.isDeleted { return false }
    handler.pointee.pollEnded?()
    if handler.isDeleted || handler.pointee.isExternal && handlers.areExternalsDisabled {
      return false
    }
    return handler.pointee.callbacks.poll?() ?? false
  }

  private func removeIdle(now: Int64, handlers: HandlerTable, ready: ReadyList) {
    var cursor = state.pointee.first
    while let handler = cursor {
      cursor = handler.pointee.nextPolled
      // One that is only polled would never come back.
      if handler.pointee.interest == 0 { continue }
      if handler.pointee.idleDeadline == 0 {
        handler.pointee.idleDeadline = now + idleLimit.load(ordering: .relaxed)
      } else if now >= handler.pointee.idleDeadline {
        if end(handler, handlers: handlers) {
          hit(handler, now: now, ready: ready)
        }
        remove(handler)
      }
    }
  }

  /// A handler that is only polled has no other way to be seen: it is worth all the time there is.
  private func longestWindow() -> Int64 {
    var longest: Int64 = 0
    var cursor = state.pointee.first
    while let handler = cursor {
      longest = max(
        longest, handler.pointee.interest == 0 ? .max : handler.pointee.window.nanoseconds)
      cursor = handler.pointee.nextPolled
    }
    return min(longest, maximum.load(ordering: .relaxed))
  }

  private func resetWindowsIfToldTo() {
    let current = generation.load(ordering: .acquiring)
    if current == state.pointee.seenGeneration { return }
    state.pointee.seenGeneration = current
    state.pointee.completions.reset()
    var cursor = state.pointee.first
    while let handler = cursor {
      handler.pointee.window.reset()
      cursor = handler.pointee.nextPolled
    }
  }
}
