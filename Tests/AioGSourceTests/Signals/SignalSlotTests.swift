// The slots that signal handlers walk, without signals.

import Glibc
import Testing

@testable import AioGSource

extension AllTests {
  @Suite(.timeLimit(.minutes(2))) struct SignalSlotTests {
    private static func set(_ numbers: CInt...) -> SignalSet { SignalSet(numbers)! }
    private static func bit(_ number: CInt) -> UInt64 { SignalSet.bit(number) }

    @Test func aSetHasWhatCanBeHandled() {
      #expect(Self.set(SIGTERM, SIGINT).bits == 1 << 14 | 1 << 1)
      #expect(Self.set(1, 64).bits == UInt64(1) << 63 | 1)
      for refused in [0, -1, 65, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL] {
        #expect(SignalSet([SIGTERM, refused]) == nil)
      }
      #expect(SignalSet([]) == nil)
    }

    @Test func aSignalReachesThoseThatWantItOnceUntilTaken() throws {
      let context = try AioContext()
      let ran = Counter()
      let halves = (0..<3).map { _ in context.makeBottomHalf { ran.increment() } }
      let list = SignalSlotList()
      let first = list.join(Self.set(3, 5), target: .passUnretained(halves[0]))
      let second = list.join(Self.set(5), target: .passUnretained(halves[1]))
      let third = list.join(Self.set(64), target: .passUnretained(halves[2]))
      for number: CInt in [5, 3, 5, 5] { list.deliver(Self.bit(number)) }
      context.poll(blocking: false)
      #expect(ran.value == 2)
      // The lowest first, whatever came first.
      #expect(first.pointee.take() == 3)
      #expect(first.pointee.take() == 5)
      #expect(first.pointee.take() == nil)
      #expect(second.pointee.take() == 5)
      #expect(second.pointee.take() == nil)
      #expect(third.pointee.take() == nil)
      list.deliver(Self.bit(5))
      #expect(first.pointee.take() == 5)
      for slot in [first, second, third] { list.leave(slot) }
      context.poll(blocking: false)
    }

    /// Signals that nobody takes do not wake the loop again and again.
    @Test func aSignalThatWaitsToBeTakenSchedulesNothing() throws {
      let context = try AioContext()
      let ran = Counter()
      let half = context.makeBottomHalf { ran.increment() }
      let list = SignalSlotList()
      let slot = list.join(Self.set(5), target: .passUnretained(half))
      for _ in 0..<3 {
        list.deliver(Self.bit(5))
        context.poll(blocking: false)
      }
      #expect(ran.value == 1)
      list.leave(slot)
    }

    @Test func aSlotThatWasLeftIsCleanForTheNext() throws {
      let context = try AioContext()
      let ran = Counter()
      let half = context.makeBottomHalf { ran.increment() }
      let list = SignalSlotList()
      let slot = list.join(Self.set(5), target: .passUnretained(half))
      list.deliver(Self.bit(5))
      context.poll(blocking: false)
      list.leave(slot)
      list.deliver(Self.bit(5))
      context.poll(blocking: false)
      #expect(ran.value == 1)
      let again = list.join(Self.set(5, 6), target: .passUnretained(half))
      #expect(again == slot)
      #expect(again.pointee.take() == nil)
      let other = list.join(Self.set(5), target: .passUnretained(half))
      #expect(other != slot)
      #expect(list.count == 2)
      list.leave(again)
      list.leave(other)
    }

    /// The bottom half goes right after, and a schedule of it would be seen by the address sanitizer; its context would
    /// trap in any build, for it is gone too.
    @Test func whoHasLeftIsNotTouchedByDeliveriesUnderWay() throws {
      let list = SignalSlotList()
      let isDone = Flag()
      nonisolated(unsafe) let shared = UnsafeMutablePointer<SignalSlotList>.allocate(capacity: 1)
      shared.initialize(to: list)
      let threads = (0..<3).map { _ in
        TestThread {
          while !isDone.isSet { shared.pointee.deliver(Self.bit(5)) }
        }
      }
      var taken = 0
      let context = try AioContext()
      for round in 0..<500 {
        let half = context.makeBottomHalf {}
        let slot = shared.pointee.join(Self.set(5), target: .passUnretained(half))
        if round % 4 == 0 {
          while slot.pointee.take() == nil { sched_yield() }
          taken += 1
        }
        shared.pointee.leave(slot)
        half.delete()
      }
      isDone.set()
      for thread in threads { thread.join() }
      #expect(taken == 125)
      #expect(shared.pointee.count == 1)
      shared.deinitialize(count: 1)
      shared.deallocate()
    }
  }
}
