// The timerfd that ends a sleep of GLib on time: its own poll has milliseconds. One per context, made when the first
// timer needs it, and set only when the earliest deadline changes. Home thread only.
//
// A timerfd and not the ring's timeout, so that all three monitors share it: on time they measured alike (68 and 78 µs
// late in the median, of which 77 are the machine's own wake-up).

import CLiburing
import Glibc
import SystemPackage

struct DeadlineTimer: ~Copyable {
  let descriptor: CInt
  /// The monotonic deadline it is set to; nil when it is not set.
  private var armed: Int64?

  init() throws(Errno) {
    descriptor = timerfd_create(CLOCK_MONOTONIC, CInt(TFD_NONBLOCK) | CInt(TFD_CLOEXEC))
    if descriptor < 0 { throw Errno(rawValue: errno) }
  }

  deinit {
    close(descriptor)
  }

  /// Has the descriptor become readable at `deadline`, or never; also makes it unreadable if it has expired.
  mutating func set(_ deadline: Int64?) {
    if deadline == armed { return }
    var value = itimerspec()
    if let deadline {
      // Zero would disarm it.
      value.it_value = Timeout.timespec(max(deadline, 1))
    }
    let status = timerfd_settime(descriptor, CInt(TFD_TIMER_ABSTIME), &value, nil)
    precondition(status == 0, "timerfd_settime failed: \(Errno(rawValue: errno))")
    armed = deadline
  }

  /// It was seen to be readable: the next `set` has to reach the kernel, be it to the same deadline.
  mutating func expired(next deadline: Int64?) {
    armed = armed.map { _ in -1 }
    set(deadline)
  }
}
