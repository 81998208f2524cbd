// Memory that one thread takes and another gives back. The counting itself is Models/slot-allocator.pml.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct SlotAllocatorTests {
    @Test func slotsAreCacheLinesOfTheirOwn() {
      var allocator = SlotAllocator()
      var slots: [SlotAllocator.Slot] = []
      for index in 0..<100 {
        let slot = allocator.take()
        #expect(Int(slot.number) == 1 + index % SlotAllocator.slotsPerBlock)
        slot.address.initializeMemory(as: Int.self, repeating: index, count: 8)
        slots.append(slot)
      }
      let addresses = Set(slots.map { UInt(bitPattern: $0.address) })
      #expect(addresses.count == 100)
      #expect(addresses.allSatisfy { $0 % 64 == 0 })
      for (index, slot) in slots.enumerated() {
        let words = slot.address.assumingMemoryBound(to: Int.self)
        #expect((0..<8).allSatisfy { words[$0] == index })
        SlotAllocator.giveBack(1, of: slot.block)
      }
    }

    @Test func aOneShotFitsIntoASlot() {
      #expect(MemoryLayout<BottomHalfNode>.size <= SlotAllocator.slotSize)
    }

    @Test func aBlockIsFreedWithItsLastSlot() {
      var allocator = SlotAllocator()
      let slots = (0..<SlotAllocator.slotsPerBlock).map { _ in allocator.take() }
      let other = allocator.take()
      #expect(other.block != slots[0].block)
      for slot in slots.dropLast() {
        #expect(slot.block == slots[0].block)
        #expect(!SlotAllocator.giveBack(1, of: slot.block))
      }
      #expect(SlotAllocator.giveBack(1, of: slots[0].block))
      #expect(!SlotAllocator.giveBack(1, of: other.block), "the thread may take more of it")
    }

    @Test func whatWasNotTakenCountsAsGivenBackWhenTheThreadEnds() {
      func takeThree() -> SlotAllocator.Slot {
        var allocator = SlotAllocator()
        _ = (allocator.take(), allocator.take())
        return allocator.take()
      }
      let last = takeThree()
      #expect(!SlotAllocator.giveBack(2, of: last.block))
      #expect(SlotAllocator.giveBack(1, of: last.block))
    }

    @Test func spentSlotsAreGivenBackWithTheirBlocks() {
      var allocator = SlotAllocator()
      let slots = (0..<2 * SlotAllocator.slotsPerBlock).map { _ in allocator.take() }
      let kept = slots[3]
      let keptToo = slots[SlotAllocator.slotsPerBlock + 3]
      var spent = SpentSlots()
      // By turns of both blocks.
      for index in 0..<SlotAllocator.slotsPerBlock where index != 3 {
        spent.add(slots[index])
        spent.add(slots[SlotAllocator.slotsPerBlock + index])
      }
      spent.giveBack()
      spent.giveBack()
      #expect(SlotAllocator.giveBack(1, of: kept.block))
      #expect(SlotAllocator.giveBack(1, of: keptToo.block))
    }
  }
}
