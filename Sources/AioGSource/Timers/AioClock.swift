// The four clocks that timers run on. Enabling and disabling them is for the whole process, as the clocks are.

import CLiburing
import Glibc
import Synchronization

/// A clock that timers are set on. Times are nanoseconds since the clock's own start.
///
/// Stands for `QEMUClockType`.
public enum AioClock: Int, CaseIterable, Sendable {
  /// Monotonic, and never disabled by the library itself. Stands for `QEMU_CLOCK_REALTIME`.
  case realtime
  /// Monotonic, and disabled until somebody enables it: the time of a machine that can be paused.
  /// Stands for `QEMU_CLOCK_VIRTUAL`.
  case virtual
  /// The wall clock, which jumps when it is set. Stands for `QEMU_CLOCK_HOST`.
  case host
  /// Monotonic; the clock of things that go on while a machine is paused. Stands for `QEMU_CLOCK_VIRTUAL_RT`.
  case virtualRealtime

  /// The time now, in nanoseconds. Any thread. Reading a disabled clock is fine. Stands for `qemu_clock_get_ns`.
  public var now: Int64 {
    Kernel.system.now(on: self)
  }

  /// Whether timers on this clock run. Any thread.
  public var isEnabled: Bool {
    enabledClocks.load(ordering: .sequentiallyConsistent) & mask != 0
  }

  /// Lets timers on this clock run, and wakes every context that has any. One controlling thread at a time.
  ///
  /// Stands for `qemu_clock_enable` with true.
  public func enable() {
    let before = enabledClocks.bitwiseOr(mask, ordering: .sequentiallyConsistent).oldValue
    if before & mask == 0 {
      for list in TimerListRegistry.shared.lists(of: self) { list.notify() }
    }
  }

  /// Stops timers on this clock, and returns once no callback of one is running in any context.
  ///
  /// One controlling thread at a time. Traps when called from a callback of a timer on this clock, which would wait for
  /// itself. Stands for `qemu_clock_enable` with false.
  public func disable() {
    let before = enabledClocks.bitwiseAnd(~mask, ordering: .sequentiallyConsistent).oldValue
    if before & mask != 0 {
      for list in TimerListRegistry.shared.lists(of: self) { list.waitUntilNotRunning() }
    }
  }

  private var mask: UInt8 { 1 << UInt8(rawValue) }
}

extension Kernel {
  /// The time on a clock, in nanoseconds. Any thread.
  func now(on clock: AioClock) -> Int64 {
    time(clock == .host ? CLOCK_REALTIME : CLOCK_MONOTONIC)
  }
}

/// A bit per clock; all but `virtual` start enabled.
private let enabledClocks = Atomic<UInt8>(0b1101)

/// Every timer list of the process, so that a clock can reach its own.
final class TimerListRegistry: @unchecked Sendable {
  static let shared = TimerListRegistry()
  private let lock = Lock()
  private var lists: [ObjectIdentifier: Unmanaged<TimerList>] = [:]

  func add(_ list: TimerList) {
    lock.withLock { lists[ObjectIdentifier(list)] = .passUnretained(list) }
  }

  func remove(_ list: TimerList) {
    _ = lock.withLock { lists.removeValue(forKey: ObjectIdentifier(list)) }
  }

  /// The lists are retained while the lock keeps them in the table: `remove` comes before their deinit.
  func lists(of clock: AioClock) -> [TimerList] {
    lock.withLock {
      lists.values.compactMap { list in
        list._withUnsafeGuaranteedRef { $0.clock == clock } ? list.takeUnretainedValue() : nil
      }
    }
  }
}

/// What one unit of `AioTimer.arm(at:)` is worth.
public enum TimerScale: Int64, Sendable {
  /// Stands for `SCALE_NS`.
  case nanoseconds = 1
  /// Stands for `SCALE_US`.
  case microseconds = 1_000
  /// Stands for `SCALE_MS`.
  case milliseconds = 1_000_000

  /// In nanoseconds, at least 0 and at most `Int64.max`.
  func nanoseconds(_ time: Int64) -> Int64 {
    let (product, overflow) = time.multipliedReportingOverflow(by: rawValue)
    if overflow { return time < 0 ? 0 : .max }
    return max(product, 0)
  }
}
