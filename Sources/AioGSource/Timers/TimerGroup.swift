// The four timer lists of a context, one per clock, in the order in which they run.

final class TimerGroup: Sendable {
  let realtime: TimerList
  let virtual: TimerList
  let host: TimerList
  let virtualRealtime: TimerList
  private let kernel: Kernel

  init(kernel: Kernel, notifyState: NotifyState) {
    self.kernel = kernel
    realtime = TimerList(clock: .realtime, kernel: kernel, notifyState: notifyState)
    virtual = TimerList(clock: .virtual, kernel: kernel, notifyState: notifyState)
    host = TimerList(clock: .host, kernel: kernel, notifyState: notifyState)
    virtualRealtime = TimerList(clock: .virtualRealtime, kernel: kernel, notifyState: notifyState)
  }

  subscript(clock: AioClock) -> TimerList {
    switch clock {
    case .realtime: realtime
    case .virtual: virtual
    case .host: host
    case .virtualRealtime: virtualRealtime
    }
  }

  var all: [TimerList] { [realtime, virtual, host, virtualRealtime] }

  /// Home thread. Stands for `timerlistgroup_run_timers`.
  @inline(__always)
  func run() -> Bool {
    if realtime.isEmpty && virtual.isEmpty && host.isEmpty && virtualRealtime.isEmpty {
      return false
    }
    return runLists()
  }

  @inline(never)
  private func runLists() -> Bool {
    // Each list has to run, whatever the ones before it did.
    var progress = realtime.run()
    progress = virtual.run() || progress
    progress = host.run() || progress
    return virtualRealtime.run() || progress
  }

  /// The monotonic time at which the next timer of any clock is due; nil if there is none. The wall clock's deadlines
  /// are translated by the distance of the two clocks at this moment. Home thread.
  func earliestDeadline() -> Int64? {
    var earliest = Int64.max
    if let deadline = realtime.earliestDeadline { earliest = deadline }
    if let deadline = virtual.earliestDeadline { earliest = min(earliest, deadline) }
    if let deadline = virtualRealtime.earliestDeadline { earliest = min(earliest, deadline) }
    if let deadline = host.earliestDeadline {
      let distance = max(deadline - host.now, 0)
      let (sum, overflow) = kernel.monotonicNow.addingReportingOverflow(distance)
      earliest = min(earliest, overflow ? .max : sum)
    }
    return earliest == .max ? nil : earliest
  }

  /// Nanoseconds until the next timer is due: 0 if one is, -1 if there is none. Home thread.
  func timeUntilDeadline() -> Int64 {
    guard let deadline = earliestDeadline() else { return -1 }
    return max(deadline - kernel.monotonicNow, 0)
  }

  func close() -> [String] {
    all.flatMap { $0.close() }
  }
}
