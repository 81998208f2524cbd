// What coroutines must not do, and the sentence that each gets. Contract 17.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct CoroutineTrapTests {
    @Test func schedulingTwiceTrapsAndNamesBothPlaces() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "twice")
        let coroutine = Coroutine(name: "worker") {}
        context.schedule(coroutine, file: "First", line: 11)
        context.schedule(coroutine, file: "Second", line: 22)
      }
      expectSentence(
        "coroutine 'worker' was scheduled at Second:22 while it is scheduled, at First:11",
        in: result)
    }

    @Test func enteringOneThatIsScheduledTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "entered")
        context.poll(blocking: false)
        let coroutine = Coroutine(name: "worker") {}
        context.schedule(coroutine, file: "First", line: 11)
        context.enter(coroutine)
      }
      expectSentence("was entered while it is scheduled, at First:11", in: result)
    }

    @Test func oneThatHasEndedIsNotScheduled() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "ended")
        context.poll(blocking: false)
        let coroutine = Coroutine(name: "worker") {}
        context.enter(coroutine)
        context.schedule(coroutine)
      }
      expectSentence("coroutine 'worker' was scheduled at", in: result)
      expectSentence("after it has ended", in: result)
    }

    @Test func oneThatRunsIsNotScheduledElsewhere() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "here")
        let other = try AioContext(name: "there")
        context.poll(blocking: false)
        context.enter(
          Coroutine(name: "worker") {
            other.schedule(Coroutine.current!)
          })
      }
      expectSentence("while it is running: it has not yielded", in: result)
    }

    @Test func anEnteringOfItselfTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "self")
        context.poll(blocking: false)
        context.enter(Coroutine(name: "worker") { context.enter(Coroutine.current!) })
      }
      expectSentence("coroutine 'worker' was entered by itself", in: result)
    }

    @Test func yieldingOutsideACoroutineTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        await Coroutine.yield()
      }
      expectSentence("Coroutine.yield() was called outside a coroutine", in: result)
    }

    @Test func yieldingOnAnotherThreadTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "home")
        let thread = try IOThread(name: "away")
        let pinned = Pinned(thread.context)
        let coroutine = Coroutine(name: "astray") {
          await pinned.yield(Log(), entering: nil)
        }
        context.schedule(coroutine)
        while true { context.poll(blocking: true) }
      }
      expectSentence("on another thread than its context's home", in: result)
    }

    @Test func runningTheLoopInACoroutineTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "nested")
        context.poll(blocking: false)
        context.enter(Coroutine { pollOnce(context) })
      }
      expectSentence("was called in a coroutine, which has to yield instead", in: result)
    }
  }
}

private func pollOnce(_ context: AioContext) { context.poll(blocking: false) }
