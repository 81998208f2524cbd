// What a context offers to those who have work for it: notification, bottom halves, timers, external clients, busy
// polling, the ownership lock. Any thread, unless said otherwise.

import CLiburing
import Synchronization

extension AioContext {
  // MARK: Notification

  /// Has the loop look again at everything it serves, waking it if it sleeps. Rarely needed: scheduling, arming and
  /// setting handlers do it.
  ///
  /// Any thread, signal handlers included; lock-free, without allocation, and at most one write(2) for each sleep of the
  /// loop. The wait that it ends is not progress. One that comes while the loop is awake makes the next blocking poll
  /// return at once; GLib's next sleep it does not end, for what there is to look at is looked at before. To end a
  /// GMainContext iteration whatever it does, schedule a bottom half. Stands for `aio_notify`.
  public func notify() {
    notifyState.notify()
  }

  /// Takes notice of notifications: those up to here need no further look after it. Home thread; the drivers do it.
  ///
  /// Stands for `aio_notify_accept`.
  public func acceptNotification() {
    requireHome()
    notifyState.state.accept()
  }

  // MARK: Bottom halves

  /// Makes a bottom half. Any thread.
  ///
  /// - Parameters:
  ///   - name: what it is called in descriptions and traps.
  ///   - callback: runs on the home thread.
  ///
  /// Stands for `aio_bh_new`.
  public func makeBottomHalf(
    name: String = #function, _ callback: @escaping @Sendable () -> Void
  ) -> BottomHalf {
    BottomHalf(name: name, queue: bottomHalves, callback)
  }

  /// Has `callback` run once in the next pass. Any thread; allocates. Stands for `aio_bh_schedule_oneshot`.
  public func schedule(
    name: consuming String = #function, _ callback: consuming @escaping @Sendable () -> Void
  ) {
    bottomHalves.scheduleOneShot(name: name, callback)
  }

  /// Runs the scheduled bottom halves now; true if one that is not idle ran. Home thread. Stands for `aio_bh_poll`.
  @discardableResult
  public func pollBottomHalves() -> Bool {
    requireHome()
    let outer = enter()
    defer { leave(outer) }
    depth += 1
    let progress = bottomHalves.run()
    depth -= 1
    if depth == 0 { reapHandlers() }
    return progress
  }

  // MARK: Timers

  /// Makes a timer, not armed. Any thread.
  ///
  /// - Parameters:
  ///   - clock: what its deadlines are on.
  ///   - scale: the unit of ``AioTimer/arm(at:)``.
  ///   - attributes: what it is for.
  ///   - name: what it is called in descriptions and traps.
  ///   - callback: runs on the home thread.
  ///
  /// Stands for `aio_timer_new_with_attrs` and the other three.
  public func makeTimer(
    clock: AioClock = .realtime, scale: TimerScale = .nanoseconds,
    attributes: TimerAttributes = [], name: String = #function,
    _ callback: @escaping @Sendable () -> Void
  ) -> AioTimer {
    AioTimer(
      name: name, list: timers[clock], scale: scale, attributes: attributes, callback: callback)
  }

  // MARK: External clients

  /// Stops serving external handlers, until as many calls of ``enableExternalClients()``. What becomes ready meanwhile
  /// is served afterwards. A callback that is running is not interrupted.
  ///
  /// Stands for `aio_disable_external`.
  public func disableExternalClients() {
    handlers.disableExternals()
  }

  /// The opposite; traps if it is called more often. The last one wakes the loop. Stands for `aio_enable_external`.
  public func enableExternalClients() {
    if handlers.enableExternals() { notifyState.notify() }
  }

  /// Stands for `aio_external_disabled`.
  public var externalClientsDisabled: Bool {
    handlers.areExternalsDisabled
  }

  /// Whether a handler that is external, or not, is served at this moment. Stands for `aio_node_check`.
  @inline(__always)
  public func isServiced(isExternal: Bool) -> Bool {
    !isExternal || !handlers.areExternalsDisabled
  }

  // MARK: Busy polling

  /// Sets how the context busy polls before it sleeps, and starts its windows anew. Any thread.
  ///
  /// - Throws: ``AioError/invalidPollingParameters(_:)`` for a negative one; nothing changes then.
  ///
  /// Stands for `aio_context_set_poll_params`.
  public func setPolling(_ parameters: PollingParameters) throws(AioError) {
    try parameters.validate()
    busyPolling.set(parameters)
    if parameters.maximum > .zero { wantRing() }
    notifyState.notify()
  }

  /// The polling parameters in force. Any thread.
  public var polling: PollingParameters { busyPolling.parameters }

  /// Whether there is a handler without a poll callback, for whose sake poll and epoll do not busy poll.
  ///
  /// Stands for `aio_poll_disabled`.
  public var isPollingDisabled: Bool {
    handlers.countWithoutPoll != 0
  }

  // MARK: Ownership

  /// Takes a recursive lock that belongs to the context and guards whatever its users say. Running the context does not
  /// take it. Stands for `aio_context_acquire`.
  public func acquire() {
    ownership.lock()
  }

  /// Gives it back; traps on a thread that does not hold it. Stands for `aio_context_release`.
  public func release() {
    ownership.unlock()
  }

  /// Holds it for the time of `body`.
  public func withAcquired<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try ownership.withLock(body)
  }
}
