// The place of one subscription to signals: where the signal handler leaves what came. A slot is for ever: a handler
// may look at it long after the subscription has ended.
//
// The handler raises `users` before it looks for a target, and lowers it when it is done with it. Who leaves clears
// the target, and waits until there are no users: from then on no handler has the target any more, and the slot can be
// another's. A handler on another thread ends by itself, for it waits for nobody; on the leaving thread none can be
// under way. Whatever handlers see besides belongs to the target they have seen: it is written before the target is.
//
// Nothing here locks or allocates. Modelled by Models/signal-slot.pml (deliver, take, join, leave).

import Glibc
import Synchronization

struct SignalSlot: ~Copyable {
  typealias Pointer = UnsafeMutablePointer<SignalSlot>

  private let users = Atomic<UInt32>(0)
  /// Not retained: there is a subscription behind it.
  private let target = Atomic<Unmanaged<BottomHalf>?>(nil)
  /// Signals that came and were not taken.
  private let pending = Atomic<UInt64>(0)
  /// The target's signals; written while there is no target, read by who sees one.
  private let mask = Atomic<UInt64>(0)

  /// The next older slot. Set once.
  var next: Pointer?
  /// Under the list's lock.
  var isFree = true

  // MARK: Signal handlers

  /// A signal came. Any thread, and in the middle of anything.
  borrowing func deliver(_ bit: UInt64) {
    // S1: before S2 in the single order of these operations. Pairs with S3 and S4 in `leave`: either it sees us, or we
    // do not see its target.
    users.add(1, ordering: .sequentiallyConsistent)
    // S2: acquires the mask from S5 in `join`.
    if let target = target.load(ordering: .sequentiallyConsistent),
      mask.load(ordering: .relaxed) & bit != 0
    {
      // Before the schedule, or the bottom half finds nothing. Who set it first has scheduled it, or is about to.
      if pending.bitwiseOr(bit, ordering: .acquiringAndReleasing).oldValue & bit == 0 {
        target._withUnsafeGuaranteedRef { $0.schedule() }
      }
    }
    // S6: done with the target. Pairs with S4.
    users.subtract(1, ordering: .releasing)
  }

  // MARK: The subscription

  /// Takes the signal with the lowest number that came; nil if there is none. One thread at a time.
  borrowing func take() -> CInt? {
    let bits = pending.load(ordering: .relaxed)
    if bits == 0 { return nil }
    let lowest = bits & (~bits + 1)
    // Acquires what whoever sent the signal in this process wrote before.
    pending.bitwiseAnd(~lowest, ordering: .acquiring)
    return CInt(lowest.trailingZeroBitCount) + 1
  }

  /// From here on the signals are the target's, with no signal come yet.
  borrowing func join(_ signals: SignalSet, target bottomHalf: Unmanaged<BottomHalf>) {
    mask.store(signals.bits, ordering: .relaxed)
    pending.store(0, ordering: .relaxed)
    // S5: releases the two. Pairs with S2.
    target.store(bottomHalf, ordering: .sequentiallyConsistent)
  }

  /// Returns when no handler will touch the target any more. Not in a signal handler.
  borrowing func leave() {
    // S3: before S4 in the single order.
    target.store(nil, ordering: .sequentiallyConsistent)
    // S4: acquires the last look from S6.
    var rounds = 0
    while users.load(ordering: .sequentiallyConsistent) != 0 {
      rounds += 1
      // Yielding alone would keep a thread of lower priority from its handler's end.
      if rounds < 100 { sched_yield() } else { usleep(50) }
    }
  }
}
