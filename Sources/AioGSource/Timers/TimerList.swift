// The timers of one context on one clock. Any thread arms and disarms, under the list's lock; the home thread runs
// them. The earliest deadline is also kept in an atomic, so that the loop's timeout takes no lock; reading it is racy
// by design, since arming an earlier timer notifies the loop.

import Glibc
import Synchronization

final class TimerList: @unchecked Sendable {
  typealias Timer = UnsafeMutablePointer<TimerNode>

  let clock: AioClock
  private let kernel: Kernel
  private let notifyState: NotifyState
  private let lock = Lock()
  private let stopped = Condition()
  /// Under the lock: to check that besides costs a quarter of an arming.
  @exclusivity(unchecked) private var heap = TimerHeap()
  /// How many passes are running, nested ones included, and on which thread.
  private var passes = 0
  private var runner: UInt = 0
  private var isClosed = false
  /// `Int64.max` while there is none.
  private let earliest = Atomic<Int64>(.max)
  /// Home thread only.
  private(set) var callbacksRun = 0

  init(clock: AioClock, kernel: Kernel, notifyState: NotifyState) {
    self.clock = clock
    self.kernel = kernel
    self.notifyState = notifyState
    TimerListRegistry.shared.add(self)
  }

  // MARK: Any thread

  func arm(_ timer: Timer, deadline: Int64, onlyIfSooner: Bool = false) {
    let isFirst = lock.withLock {
      precondition(
        !isClosed, "timer '\(timer.pointee.name)' was armed after its AioContext was destroyed")
      if onlyIfSooner && timer.pointee.heapPosition >= 0
        && deadline >= heap[timer.pointee.heapPosition].deadline
      {
        return false
      }
      heap.arm(timer, deadline: deadline)
      publishEarliest()
      return timer.pointee.heapPosition == 0
    }
    if isFirst { notifyState.notifyOfPayload() }
  }

  func disarm(_ timer: Timer) {
    lock.withLock {
      if timer.pointee.heapPosition >= 0 {
        heap.remove(at: timer.pointee.heapPosition)
        publishEarliest()
      }
    }
  }

  func deadline(of timer: Timer) -> Int64? {
    lock.withLock {
      timer.pointee.heapPosition >= 0 ? heap[timer.pointee.heapPosition].deadline : nil
    }
  }

  /// The time on its clock.
  var now: Int64 { kernel.now(on: clock) }

  func notify() {
    notifyState.notify()
  }

  /// Under the lock. Most arming does not change it, and the store costs as much as an exchange.
  @inline(__always)
  private func publishEarliest() {
    let deadline = heap.first?.deadline ?? .max
    if deadline != earliest.load(ordering: .relaxed) {
      earliest.store(deadline, ordering: .sequentiallyConsistent)
    }
  }

  // MARK: Home thread

  /// When the earliest timer is due, on this list's clock; nil if there is none or the clock is disabled.
  @inline(__always)
  var earliestDeadline: Int64? {
    let deadline = earliest.load(ordering: .sequentiallyConsistent)
    return deadline == .max || !clock.isEnabled ? nil : deadline
  }

  /// Runs what is due by one reading of the clock. A callback that re-arms its timer for a time already past by that
  /// reading has it run again in the same pass. True if one ran. Stands for `timerlist_run_timers`.
  @inline(__always)
  func run() -> Bool {
    isEmpty ? false : runDue()
  }

  /// As far as can be told without the lock.
  @inline(__always)
  var isEmpty: Bool { earliest.load(ordering: .relaxed) == .max }

  @inline(never)
  private func runDue() -> Bool {
    guard let deadline = earliestDeadline else { return false }
    let now = now
    if deadline > now { return false }
    var progress = false
    lock.withLock {
      passes += 1
      runner = UInt(pthread_self())
    }
    // Each callback is released outside the lock: what it holds may be the last of another timer.
    while let callback = takeDue(now) {
      callback()
      callbacksRun &+= 1
      progress = true
    }
    lock.withLock {
      passes -= 1
      if passes == 0 { stopped.broadcast() }
    }
    return progress
  }

  /// Takes out the earliest timer if it is due. Its handle may be waiting for the lock to free it, or be let go of by
  /// the callback: the callback is what we keep.
  private func takeDue(_ now: Int64) -> (@Sendable () -> Void)? {
    lock.lock()
    defer { lock.unlock() }
    guard let entry = heap.first, entry.deadline <= now, clock.isEnabled else { return nil }
    heap.remove(at: 0)
    publishEarliest()
    return entry.timer.pointee.callback
  }

  /// The clock was disabled: returns when no pass is under way that began before.
  func waitUntilNotRunning() {
    lock.withLock {
      precondition(
        passes == 0 || runner != UInt(pthread_self()),
        "a clock was disabled from a callback of one of its own timers, which would wait for itself"
      )
      while passes > 0 { lock.wait(for: stopped) }
    }
  }

  /// The context goes. Returns the names of the timers that were still armed, and disarms them.
  func close() -> [String] {
    TimerListRegistry.shared.remove(self)
    return lock.withLock {
      isClosed = true
      var leaks: [String] = []
      while let entry = heap.first {
        leaks.append(entry.timer.pointee.name)
        heap.remove(at: 0)
      }
      publishEarliest()
      return leaks
    }
  }

  // MARK: Introspection

  var count: Int { lock.withLock { heap.count } }

  func describe() -> [(name: String, deadline: Int64)] {
    lock.withLock {
      (0..<heap.count).map { position in
        (heap[position].timer.pointee.name, heap[position].deadline)
      }
    }
  }
}
