// The heap alone: order, ties, removal, a million of them.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct TimerHeapTests {
    private typealias Timer = UnsafeMutablePointer<TimerNode>

    /// Nodes with their numbers for names, for as long as `body` runs.
    private func withTimers(_ count: Int, _ body: ([Timer]) -> Void) {
      let timers = (0..<count).map { index in
        let timer = Timer.allocate(capacity: 1)
        timer.initialize(to: TimerNode(name: "\(index)") {})
        return timer
      }
      body(timers)
      for timer in timers {
        timer.deinitialize(count: 1)
        timer.deallocate()
      }
    }

    private func drain(_ heap: inout TimerHeap) -> [String] {
      var names: [String] = []
      while let entry = heap.first {
        names.append(entry.timer.pointee.name)
        heap.remove(at: 0)
      }
      return names
    }

    @Test func equalDeadlinesLeaveInOrderOfArming() {
      withTimers(100) { timers in
        var heap = TimerHeap()
        for timer in timers { heap.arm(timer, deadline: 7) }
        #expect(drain(&heap) == (0..<100).map { "\($0)" })
      }
    }

    @Test func rearmedForTheSameTimeOneGoesToTheEnd() {
      withTimers(3) { timers in
        var heap = TimerHeap()
        for timer in timers { heap.arm(timer, deadline: 7) }
        heap.arm(timers[0], deadline: 7)
        #expect(drain(&heap) == ["1", "2", "0"])
      }
    }

    @Test func itAgreesWithASortWhateverIsArmedMovedAndRemoved() {
      var random = SystemRandomNumberGenerator()
      for _ in 0..<50 {
        withTimers(200) { timers in
          var heap = TimerHeap()
          var model: [(deadline: Int64, order: Int, index: Int)] = []
          for order in 0..<1_000 {
            let index = Int.random(in: 0..<timers.count, using: &random)
            let timer = timers[index]
            model.removeAll { $0.index == index }
            if Bool.random(using: &random) || timer.pointee.heapPosition < 0 {
              let deadline = Int64.random(in: 0..<50, using: &random)
              heap.arm(timer, deadline: deadline)
              model.append((deadline, order, index))
            } else {
              heap.remove(at: timer.pointee.heapPosition)
            }
            if heap.count != model.count { break }
          }
          let count = heap.count
          #expect(count == model.count)
          let expected = model.sorted { ($0.deadline, $0.order) < ($1.deadline, $1.order) }
          #expect(drain(&heap) == expected.map { "\($0.index)" })
          #expect(timers.allSatisfy { $0.pointee.heapPosition == -1 })
        }
      }
    }

    @Test func scalesSaturate() {
      #expect(TimerScale.milliseconds.nanoseconds(3) == 3_000_000)
      #expect(TimerScale.microseconds.nanoseconds(3) == 3_000)
      #expect(TimerScale.milliseconds.nanoseconds(.max) == .max)
      #expect(TimerScale.milliseconds.nanoseconds(.min) == 0)
      #expect(TimerScale.nanoseconds.nanoseconds(-5) == 0)
    }

    @Test func timeoutsRoundUpAndSaturate() {
      #expect(Timeout.milliseconds(-1) == -1)
      #expect(Timeout.milliseconds(0) == 0)
      #expect(Timeout.milliseconds(1) == 1)
      #expect(Timeout.milliseconds(999_999) == 1)
      #expect(Timeout.milliseconds(1_000_000) == 1)
      #expect(Timeout.milliseconds(1_000_001) == 2)
      #expect(Timeout.milliseconds(.max) == .max)
      #expect(Timeout.sooner(-1, 5) == 5)
      #expect(Timeout.sooner(5, -1) == 5)
      #expect(Timeout.sooner(-1, -1) == -1)
      #expect(Timeout.sooner(7, 0) == 0)
      #expect(Timeout.timespec(.max).tv_sec == Int(Int32.max))
      #expect(Timeout.timespec(1_500_000_000).tv_nsec == 500_000_000)
    }

    @Test func durationsBecomeNanosecondsRoundedUp() {
      #expect(Duration.milliseconds(3).nanoseconds == 3_000_000)
      #expect(Duration(secondsComponent: 0, attosecondsComponent: 1).nanoseconds == 1)
      #expect(Duration.seconds(Int64.max).nanoseconds == .max)
      #expect(Duration.seconds(-1).nanoseconds == -1_000_000_000)
    }
  }
}
