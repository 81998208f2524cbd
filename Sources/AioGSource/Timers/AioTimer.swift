// The handle of a timer. Any thread may use it.

/// What a timer is for, beyond its deadline.
///
/// Stands for `QEMU_TIMER_ATTR_<id>`.
public struct TimerAttributes: OptionSet, Sendable {
  /// The bits, as the seed has them.
  public let rawValue: Int
  /// From the seed's bits; those that nobody knows are kept.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The timer does not affect the state of a guest. Kept for those who ask; the loop makes no difference.
  /// Stands for `QEMU_TIMER_ATTR_EXTERNAL`.
  public static let external = TimerAttributes(rawValue: 1)
}

/// A callback that a context runs on its home thread when a clock has reached a deadline, to the nanosecond under both
/// drivers, as far as the kernel wakes the thread in time.
///
/// Timers with the same deadline run in the order in which they were armed. In its callback a timer is no longer
/// pending, and may be armed again, cancelled, or let go of. A timer runs after the bottom halves and fd handlers of
/// its pass.
///
/// Keep the handle: letting go of it cancels the timer. The handle does not keep its context alive. Destroying a
/// context while one of its timers is armed traps in a debug build.
///
/// Stands for `QEMUTimer`. Made by ``AioContext/makeTimer(clock:scale:attributes:name:_:)``.
public final class AioTimer: @unchecked Sendable {
  /// The name it was made with, as ``AioContext`` shows it in its description and in traps.
  public let name: String
  /// The clock its deadline is on.
  public let clock: AioClock
  /// What one unit of ``arm(at:)`` is worth.
  public let scale: TimerScale
  /// As given when it was made.
  public let attributes: TimerAttributes

  private let list: TimerList
  /// Under the list's lock.
  private let node: TimerList.Timer

  init(
    name: String, list: TimerList, scale: TimerScale, attributes: TimerAttributes,
    callback: @escaping @Sendable () -> Void
  ) {
    self.name = name
    self.clock = list.clock
    self.list = list
    self.scale = scale
    self.attributes = attributes
    node = .allocate(capacity: 1)
    node.initialize(to: TimerNode(name: name, callback: callback))
  }

  deinit {
    list.disarm(node)
    node.deinitialize(count: 1)
    node.deallocate()
  }

  /// Sets the deadline, or moves it: `time` units of ``scale`` on ``clock``. Times before 0 count as 0, and those too
  /// large for the clock as its end.
  ///
  /// Any thread. Wakes the context if no other timer of this clock is due sooner. Stands for `timer_mod`.
  public func arm(at time: Int64) {
    list.arm(node, deadline: scale.nanoseconds(time))
  }

  /// Sets the deadline to `duration` from now. Any thread.
  public func arm(after duration: Duration) {
    let (sum, overflow) = list.now.addingReportingOverflow(duration.nanoseconds)
    list.arm(node, deadline: overflow ? (duration < .zero ? 0 : .max - 1) : max(sum, 0))
  }

  /// Sets the deadline if the timer is not armed, or moves it if that makes it sooner. Any thread.
  ///
  /// Stands for `timer_mod_anticipate`.
  public func armIfSooner(at time: Int64) {
    list.arm(node, deadline: scale.nanoseconds(time), onlyIfSooner: true)
  }

  /// Disarms the timer; harmless if it is not armed.
  ///
  /// Any thread. On the home thread the callback is then sure not to run; from another one it may be running.
  /// Stands for `timer_del`.
  public func cancel() {
    list.disarm(node)
  }

  /// Whether the timer is armed. Any thread. Stands for `timer_pending`.
  public var isPending: Bool {
    list.deadline(of: node) != nil
  }

  /// The deadline in nanoseconds on ``clock``; nil while the timer is not armed. Any thread.
  ///
  /// Stands for `timer_expire_time_ns`.
  public var deadline: Int64? {
    list.deadline(of: node)
  }

  /// Whether the timer is armed and due at `time`, in units of ``scale``. Any thread. Stands for `timer_expired`,
  /// which is true of a timer that is not armed.
  public func hasExpired(at time: Int64) -> Bool {
    guard let deadline = list.deadline(of: node) else { return false }
    return deadline <= scale.nanoseconds(time)
  }
}
