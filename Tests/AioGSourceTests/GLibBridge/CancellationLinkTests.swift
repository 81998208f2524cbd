// What a task and the handler that cancels it share.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite(.timeLimit(.minutes(1))) struct CancellationLinkTests {
    @Test func aTaskThatHasBegunIsCancelled() async {
      let task = Task {
        let link = CancellationLink()
        withUnsafeCurrentTask { link.begin($0!) }
        link.cancel()
        link.end()
        return Task.isCancelled
      }
      #expect(await task.value)
    }

    @Test func aTaskThatHasEndedIsNot() async {
      let task = Task {
        let link = CancellationLink()
        withUnsafeCurrentTask { link.begin($0!) }
        link.end()
        link.cancel()
        return Task.isCancelled
      }
      #expect(await !task.value)
    }

    // Or a task would be cancelled whose memory is another's by then.
    @Test func theEndWaitsForACancellationThatIsUnderWay() async {
      let link = CancellationLink()
      let begun = Flag()
      let isCancelling = Flag()
      let mayGoOn = Flag()
      let task = Task {
        withUnsafeCurrentTask { link.begin($0!) }
        await withTaskCancellationHandler {
          begun.set()
          while !mayGoOn.isSet { await Task.yield() }
        } onCancel: {
          isCancelling.set()
          while !mayGoOn.isSet { sleep(milliseconds: 0.1) }
        }
      }
      while !begun.isSet { await Task.yield() }
      let canceller = TestThread { link.cancel() }
      while !isCancelling.isSet { await Task.yield() }
      let hasEnded = Flag()
      let ending = TestThread {
        link.end()
        hasEnded.set()
      }
      sleep(milliseconds: 20)
      #expect(!hasEnded.isSet)
      mayGoOn.set()
      ending.join()
      canceller.join()
      await task.value
    }
  }
}
