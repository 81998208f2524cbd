// Memory for what one thread makes and another lets go of: slots of one cache line, which a thread takes one after the
// other from a block of its own, and whoever has done with them gives back.
//
// malloc(3) is at its worst there: what another processor freed comes back as a chain of lines that it has, and each
// allocation waits for one of them. A block costs that once for all of its slots, and whoever walks them finds them in a
// row. A list of slots for use again was tried and was slower than malloc.
//
// A block is freed with the last of its slots, by whoever gives that back: one that is kept keeps 2 KiB. What a thread
// has not taken when its ThreadState goes counts as given back. Checked by Models/slot-allocator.pml.

import Synchronization

/// Taking: one thread only. Giving back: any thread.
struct SlotAllocator: ~Copyable {
  /// In bytes: of a slot, and of a block's header, which is the number of slots that were not given back.
  static let slotSize = 64
  static let slotsPerBlock = 31

  struct Slot {
    let address: UnsafeMutableRawPointer
    /// Counted from 1; needed to give it back.
    let number: UInt32

    @inline(__always)
    var block: UnsafeMutableRawPointer { address - Int(number) * slotSize }
  }

  private typealias Count = Atomic<Int>

  /// The slot that was taken last, or the header, and how many there are behind it.
  private var last: UnsafeMutableRawPointer?
  private var left = 0

  /// A slot of 64 bytes, not initialized.
  @inline(__always)
  mutating func take() -> Slot {
    if left == 0 { makeBlock() }
    let address = last.unsafelyUnwrapped + Self.slotSize
    last = address
    left &-= 1
    return Slot(address: address, number: lastNumber)
  }

  @inline(__always)
  private var lastNumber: UInt32 { UInt32(truncatingIfNeeded: Self.slotsPerBlock &- left) }

  @inline(never)
  private mutating func makeBlock() {
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: (1 + Self.slotsPerBlock) * Self.slotSize, alignment: Self.slotSize)
    block.initializeMemory(as: Count.self, to: Count(Self.slotsPerBlock))
    last = block
    left = Self.slotsPerBlock
  }

  /// Gives back so many slots of one block; true if the block is freed with them. What was in them is gone already.
  @discardableResult
  static func giveBack(_ count: Int, of block: UnsafeMutableRawPointer) -> Bool {
    // Releases what was done with them to whoever frees the block, and acquires it there.
    let before = block.assumingMemoryBound(to: Count.self).pointee.wrappingSubtract(
      count, ordering: .acquiringAndReleasing
    ).oldValue
    if before == count { block.deallocate() }
    return before == count
  }

  deinit {
    guard let last, left > 0 else { return }
    Self.giveBack(left, of: Slot(address: last, number: lastNumber).block)
  }
}
