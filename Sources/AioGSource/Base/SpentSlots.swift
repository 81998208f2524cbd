// Slots to be given back, counted for as long as they are of one block: mostly an atomic operation for many; where threads
// hand over by turns, one for each. One thread only, which may call `giveBack` in between; the end of it does.

import Glibc

struct SpentSlots: ~Copyable {
  private var block: UnsafeMutableRawPointer?
  private var count = 0

  @inline(__always)
  mutating func add(_ slot: SlotAllocator.Slot) {
    #if DEBUG
      // As malloc's checkers would: they see the whole block as in use.
      memset(slot.address, 0xDB, SlotAllocator.slotSize)
    #endif
    let block = slot.block
    if block != self.block {
      giveBack()
      self.block = block
    }
    count &+= 1
  }

  @inline(__always)
  mutating func giveBack() {
    guard let block else { return }
    SlotAllocator.giveBack(count, of: block)
    self.block = nil
    count = 0
  }

  deinit {
    if let block { SlotAllocator.giveBack(count, of: block) }
  }
}
