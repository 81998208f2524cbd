// All slots, which are never freed: as many as there ever were subscriptions at a time. The handler walks the list
// without a lock; to join and to leave takes one.

import Synchronization

struct SignalSlotList: ~Copyable, @unchecked Sendable {
  typealias Pointer = SignalSlot.Pointer

  private let first = Atomic<Pointer?>(nil)
  private let lock = Lock()

  /// A signal came. Signal handlers.
  borrowing func deliver(_ bit: UInt64) {
    // Acquires the slot and its link from `join`.
    var cursor = first.load(ordering: .acquiring)
    while let slot = cursor {
      slot.pointee.deliver(bit)
      cursor = slot.pointee.next
    }
  }

  /// From here on the signals are delivered to `target`, which has to be there until `leave` has returned.
  borrowing func join(_ signals: SignalSet, target: Unmanaged<BottomHalf>) -> Pointer {
    lock.withLock {
      let slot = freeSlot()
      slot.pointee.isFree = false
      slot.pointee.join(signals, target: target)
      return slot
    }
  }

  borrowing func leave(_ slot: Pointer) {
    slot.pointee.leave()
    lock.withLock { slot.pointee.isFree = true }
  }

  /// How many there are.
  var count: Int {
    var count = 0
    var cursor = first.load(ordering: .acquiring)
    while let slot = cursor {
      count += 1
      cursor = slot.pointee.next
    }
    return count
  }

  private borrowing func freeSlot() -> Pointer {
    var cursor = first.load(ordering: .relaxed)
    while let slot = cursor {
      if slot.pointee.isFree { return slot }
      cursor = slot.pointee.next
    }
    let slot = Pointer.allocate(capacity: 1)
    slot.initialize(to: SignalSlot())
    slot.pointee.next = first.load(ordering: .relaxed)
    // Releases the slot to handlers, which find no target in it yet.
    first.store(slot, ordering: .releasing)
    return slot
  }
}
