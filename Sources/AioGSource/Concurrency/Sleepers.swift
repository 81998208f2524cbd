// Sleeping tasks: each has a timer of the context's, and those are used again, so that in steady state a sleep allocates
// nothing. Home thread, but for `cancelSleep`.

import SystemPackage

/// A timer, and the task that waits for it.
final class Sleeper: @unchecked Sendable {
  fileprivate private(set) var timer: AioTimer!
  fileprivate var continuation: UnsafeContinuation<Int, Never>?
  /// Which of the sleeps that have used it this is.
  fileprivate var generation: UInt32 = 0
  fileprivate var next: Sleeper?
  private unowned let pool: Sleepers

  fileprivate init(pool: Sleepers, context: AioContext, clock: AioClock) {
    self.pool = pool
    timer = context.makeTimer(clock: clock, name: "sleep of a task") { [unowned self] in end(0) }
  }

  /// The time has come, or the sleep was cancelled.
  fileprivate func end(_ result: Int) {
    guard let continuation = continuation.take() else { return }
    generation &+= 1
    pool.give(self)
    continuation.resume(returning: result)
  }

  fileprivate func cancel() {
    timer.cancel()
    end(-Int(Errno.canceled.rawValue))
  }
}

final class Sleepers: LoopTasks, @unchecked Sendable {
  /// All there are: a cancellation may come for one whose sleep is over.
  private var all: [Sleeper] = []
  @exclusivity(unchecked) private var free: [Sleeper?] = Array(
    repeating: nil, count: AioClock.allCases.count)
  private(set) var count = 0
  let awaiters: AwaiterPool
  /// Tasks that wait for a pass to end.
  private var watchers: [UnsafeContinuation<Void, Never>] = []

  init(awaiters: AwaiterPool) { self.awaiters = awaiters }

  fileprivate func take(_ clock: AioClock, context: AioContext) -> Sleeper {
    count += 1
    if let sleeper = free[clock.rawValue] {
      free[clock.rawValue] = sleeper.next
      sleeper.next = nil
      return sleeper
    }
    let sleeper = Sleeper(pool: self, context: context, clock: clock)
    all.append(sleeper)
    return sleeper
  }

  fileprivate func give(_ sleeper: Sleeper) {
    count -= 1
    sleeper.next = free[sleeper.timer.clock.rawValue]
    free[sleeper.timer.clock.rawValue] = sleeper
    // A sleep may end outside of what counts as a pass's progress: in a job that cancels it.
    if isWatchingPasses { passEnded() }
  }

  /// Those that sleep.
  var inFlight: [DrainState.Item] {
    all.compactMap { sleeper in
      guard sleeper.continuation != nil else { return nil }
      return DrainState.Item(
        address: UInt(bitPattern: Unmanaged.passUnretained(sleeper).toOpaque()),
        generation: sleeper.generation, name: "sleep")
    }
  }

  /// Waits until a sleep has ended, or a pass in which something else may have.
  func endOfSomething() async {
    await withUnsafeContinuation { continuation in
      watchers.append(continuation)
      isWatchingPasses = true
    }
  }

  override func passEnded() {
    isWatchingPasses = false
    let waiting = watchers
    watchers = []
    for continuation in waiting { continuation.resume() }
  }

  /// Ends all sleeps early.
  func cancelAll() {
    for sleeper in all where sleeper.continuation != nil { sleeper.cancel() }
  }

  override func close() -> [String] {
    for sleeper in all { sleeper.timer.cancel() }
    return Array(repeating: "a task sleeps", count: count)
  }
}

extension AioContext {
  var sleepers: Sleepers {
    if let tasks { return unsafeDowncast(tasks, to: Sleepers.self) }
    let sleepers = Sleepers(awaiters: AwaiterPool(cancel: cancelSleep))
    tasks = sleepers
    return sleepers
  }

  /// Has the task wait for a time, to the nanosecond as far as the kernel wakes the thread in time. A time that is not
  /// positive is over in the loop's next pass.
  ///
  /// Any task; one of the context's goes on in the pass in which the time is over. Cancelling it ends the wait.
  ///
  /// - Parameters:
  ///   - duration: how long.
  ///   - clock: ``AioClock/realtime``, which is monotonic, unless given.
  /// - Throws: `Errno.canceled`.
  nonisolated(nonsending) public func sleep(
    for duration: Duration, clock: AioClock = .realtime
  ) async throws(Errno) {
    let (sum, overflow) = kernel.now(on: clock).addingReportingOverflow(duration.nanoseconds)
    let deadline = overflow ? (duration < .zero ? 0 : .max - 1) : max(sum, 0)
    try await sleep(until: deadline, clock: clock)
  }

  /// Has the task wait until a clock has reached a deadline, in nanoseconds.
  ///
  /// Any task; one of the context's goes on in the pass in which the time is over. Cancelling it ends the wait.
  ///
  /// - Throws: `Errno.canceled`.
  nonisolated(nonsending) public func sleep(
    until deadline: Int64, clock: AioClock = .realtime
  ) async throws(Errno) {
    let result: Int
    if isHomeThread {
      result = await sleepHere(deadline, clock)
    } else {
      result = await run { await self.sleepHere(deadline, clock) }
    }
    if result < 0 { throw Errno(rawValue: CInt(-result)) }
  }

  /// Without an `isolated` parameter, as `AIOEngine.performHere`.
  nonisolated(nonsending) private func sleepHere(
    _ deadline: Int64, _ clock: AioClock
  ) async -> Int {
    let sleepers = self.sleepers
    let awaiter = sleepers.awaiters.take()
    let record = awaiter.addHandler()
    let result = await _unsafeInheritExecutor_withUnsafeContinuation {
      (continuation: UnsafeContinuation<Int, Never>) in
      if awaiter.pointee.gate.isCancelled {
        continuation.resume(returning: -Int(Errno.canceled.rawValue))
        return
      }
      let sleeper = sleepers.take(clock, context: self)
      sleeper.continuation = continuation
      sleeper.timer.arm(at: deadline)
      let target = CancellationGate.Target(
        address: Unmanaged.passUnretained(sleeper).toOpaque(), generation: sleeper.generation)
      if awaiter.pointee.gate.begun(target) { sleeper.cancel() }
    }
    awaiter.removeHandler(record)
    if isHomeThread {
      sleepers.awaiters.give(awaiter)
    } else {
      AwaiterPool.discard(awaiter)
    }
    return result
  }

  /// Any thread; the sleeping task holds the context.
  private var cancelSleep: @Sendable (CancellationGate.Target) -> Void {
    let context = Unmanaged.passUnretained(self)
    return { target in
      let context = context.takeUnretainedValue()
      if context.isHomeThread {
        context.cancelSleepAtHome(target)
      } else {
        context.schedule(name: "cancel sleep") { context.cancelSleepAtHome(target) }
      }
    }
  }

  private func cancelSleepAtHome(_ target: CancellationGate.Target) {
    // The pool keeps it.
    let sleeper = Unmanaged<Sleeper>.fromOpaque(target.address).takeUnretainedValue()
    if sleeper.generation == target.generation { sleeper.cancel() }
  }
}
