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
  private let kernel: Kernel
  /// The monotonic deadline it is set to; nil when it is not set.
  private var armed: Int64?

  init(kernel: Kernel) throws(Errno) {
    self.kernel = kernel
    descriptor = kernel.timerCreate()
    if descriptor < 0 { throw Errno(rawValue: -descriptor) }
  }

  deinit {
    kernel.close(descriptor)
  }

  /// Has the descriptor become readable at `deadline`, or never; also makes it unreadable if it has expired.
  mutating func set(_ deadline: Int64?) {
    if deadline == armed { return }
    var value = itimerspec()
    if let deadline {
      // Zero would disarm it.
      value.it_value = Timeout.timespec(max(deadline, 1))
    }
    let status = kernel.timerSet(descriptor, &value)
    precondition(status == 0, "timerfd_settime failed: \(Errno(rawValue: -status))")
    armed = deadline
  }

  /// It was seen to be readable: the next `set` has to reach the kernel, be it to the same deadline.
  mutating func expired(next deadline: Int64?) {
    armed = armed.map { _ in -1 }
    set(deadline)
  }
}
