// Contract 23.

import AioGSource
import Testing

extension AllTests {
  @Suite struct WaitingTests {
    @Test(arguments: Combination.all)
    func runAndWaitNeverHangs(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      let thread = try IOThread(
        name: "other", configuration: .init(monitor: .demanded(combination.monitor)))
      let ran = Counter()
      let rounds = combination.driver == .poll ? 10_000 : 1_000
      for round in 1...rounds {
        thread.context.runAndWait { ran.increment() }
        if ran.value != round { break }
      }
      #expect(ran.value == rounds)
      thread.stop()
    }

    @Test(arguments: Combination.all)
    func waitingRunsTheCallersOwnLoop(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      let thread = try IOThread(
        name: "other", configuration: .init(monitor: .demanded(combination.monitor)))
      let here = Counter()
      let isDone = Flag()
      let timer = loop.context.makeTimer { here.increment() }
      timer.arm(after: .milliseconds(5))
      thread.context.schedule {
        while here.value == 0 { sleep(milliseconds: 1) }
        isDone.set()
        thread.context.kick()
      }
      #expect(thread.context.wait { !isDone.isSet })
      #expect(here.value == 1)
      #expect(!thread.context.wait { false })
      thread.stop()
    }

    @Test(arguments: Combination.all)
    func onTheHomeThreadItRunsTheContextItself(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let done = Flag()
      let timer = loop.context.makeTimer { done.set() }
      timer.arm(after: .milliseconds(5))
      #expect(loop.context.wait { !done.isSet })
      #expect(done.isSet)
      let ran = Flag()
      loop.context.runAndWait { ran.set() }
      #expect(ran.isSet)
    }

    @Test func twoIOThreadsMayWaitForEachOther() throws {
      let threads = [try IOThread(name: "a"), try IOThread(name: "b")]
      let ran = Counter()
      let done = Counter()
      for (mine, other) in [(0, 1), (1, 0)] {
        threads[mine].context.schedule {
          for _ in 0..<500 { threads[other].context.runAndWait { ran.increment() } }
          done.increment()
        }
      }
      let end = monotonicNow() + 20_000_000_000
      while done.value < 2 && monotonicNow() < end { sleep(milliseconds: 1) }
      #expect(done.value == 2)
      #expect(ran.value == 1_000)
      for thread in threads { thread.stop() }
    }

    @Test func waitingOnAThreadWithoutContextTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let thread = try IOThread(name: "other")
        TestThread { thread.context.wait { true } }.join()
      }
      expectSentence("was called on a thread that has no current context", in: result)
    }
  }
}
