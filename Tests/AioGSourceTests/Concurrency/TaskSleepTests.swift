// Sleeping, and ticks.

import CTestSupport
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct TaskSleepTests {
    @Test(arguments: Combination.all)
    func lastsAsLongAsAsked(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      try loop.task {
        for duration in [Duration.microseconds(300), .milliseconds(3), .zero, .seconds(-1)] {
          let start = monotonicNow()
          try await context.sleep(for: duration)
          let slept = Duration.nanoseconds(monotonicNow() - start)
          #expect(slept >= duration)
          #expect(slept < duration + .seconds(2))
          #expect(context.isHomeThread)
        }
        let deadline = AioClock.host.now + 2_000_000
        try await context.sleep(until: deadline, clock: .host)
        #expect(AioClock.host.now >= deadline)
      }
      #expect(context.statistics.timers == 0)
    }

    @Test(arguments: Combination.all)
    func sleepersWakeInTheOrderOfTheirDeadlines(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let order = Box<[Int]>([])
      try loop.task {
        let start = monotonicNow()
        await withThrowingTaskGroup(of: Void.self) { group in
          for index in (0..<20).reversed() {
            group.addTask {
              try await context.sleep(until: start + Int64(index) * 500_000 + 5_000_000)
              order.update { $0.append(index) }
            }
          }
        }
      }
      #expect(order.value == Array(0..<20))
    }

    @Test(arguments: Combination.all)
    func endsEarlyWhenItsTaskIsCancelled(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      try loop.task {
        // From the context itself, from another thread, and before it begins.
        for isElsewhere in [false, true] {
          let task = Task(executorPreference: context.taskExecutor) {
            try await context.sleep(for: .seconds(1_000))
          }
          try await context.sleep(for: .milliseconds(2))
          if isElsewhere {
            TestThread { task.cancel() }.join()
          } else {
            task.cancel()
          }
          await #expect(throws: Errno.canceled) { try await task.value }
        }
        let late = Task(executorPreference: context.taskExecutor) {
          while !Task.isCancelled { await Task.yield() }
          try await context.sleep(for: .seconds(1_000))
        }
        late.cancel()
        await #expect(throws: Errno.canceled) { try await late.value }
      }
      #expect(context.statistics.timers == 0)
    }

    @Test func canBeAwaitedFromAnywhere() async throws {
      let thread = try IOThread(name: "sleep")
      let start = monotonicNow()
      try await thread.context.sleep(for: .milliseconds(5))
      #expect(monotonicNow() - start >= 5_000_000)
      let task = Task { try await thread.context.sleep(for: .seconds(1_000)) }
      try await thread.context.sleep(for: .milliseconds(5))
      task.cancel()
      await #expect(throws: Errno.canceled) { try await task.value }
      thread.stop()
    }

    @Test(arguments: Combination.all)
    func ticksCome(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let counts = try loop.task {
        var counts: [Int] = []
        let start = monotonicNow()
        for await count in context.ticks(every: .milliseconds(4)) {
          counts.append(count)
          // Who is late is told how many ticks were missed, and goes on with the next.
          if counts.count == 3 { sleep(milliseconds: 22) }
          if counts.count == 6 { break }
        }
        let elapsed = monotonicNow() - start
        #expect(elapsed >= Int64(counts.reduce(0, +)) * 4_000_000)
        return counts
      }
      #expect(counts[3] >= 5)
      #expect(counts.allSatisfy { $0 >= 1 })
    }

    @Test func ticksAreCountedFromTheFirst() {
      typealias Iterator = TickSequence.Iterator
      #expect(Iterator.ticks(since: 100, interval: 10, now: 110) == (1, 110))
      #expect(Iterator.ticks(since: 100, interval: 10, now: 119) == (1, 110))
      #expect(Iterator.ticks(since: 100, interval: 10, now: 120) == (2, 120))
      #expect(Iterator.ticks(since: 100, interval: 10, now: 155) == (5, 150))
      // A clock that went back.
      #expect(Iterator.ticks(since: 100, interval: 10, now: 3) == (1, 110))
    }

    @Test(arguments: Combination.all)
    func ticksEndWhenTheTaskIsCancelled(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let count = try loop.task {
        let task = Task(executorPreference: context.taskExecutor) {
          var count = 0
          for await _ in context.ticks(every: .milliseconds(1)) { count += 1 }
          return count
        }
        try await context.sleep(for: .milliseconds(10))
        task.cancel()
        return await task.value
      }
      #expect(count >= 1)
    }

    @Test func ticksWithoutAnIntervalTrap() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = try AioContext(name: "ticks").ticks(every: .zero)
      }
      expectSentence("ticks every 0.0 seconds were asked for", in: result)
    }
  }
}
