// Rules that a caller can break, and that no other suite is about: each trap says which it was.

import AioGSource
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite struct MisuseTests {
    @Test func givingUpTheHomeInACallbackTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "busy")
        context.schedule { context.releaseHomeThread() }
        context.poll(blocking: false)
      }
      expectSentence(
        "releaseHomeThread() was called in a callback of AioContext 'busy'", in: result)
    }

    @Test func callingADeletedBottomHalfTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        let half = context.makeBottomHalf(name: "gone") {}
        half.delete()
        context.poll(blocking: false)
        half.call()
      }
      expectSentence("bottom half 'gone' was called after it was deleted", in: result)
    }

    @Test func anAllocationAtANegativeOffsetTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        context.io.allocate(.allocate, -1..<10, in: FileDescriptor(rawValue: 0)) { _ in }
      }
      expectSentence("an allocation at the negative offset -1", in: result)
    }

    @Test func aBufferOfNegativeSizeTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = AIOBuffer(count: -1)
      }
      expectSentence("a buffer of -1 bytes was asked for", in: result)
    }

    @Test func aBuffersAlignmentThatIsNoPowerOfTwoTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = AIOBuffer(count: 1, alignment: 24)
      }
      expectSentence("a buffer's alignment is a power of two, and 24 is none", in: result)
    }

    @Test func isolationToAContextIsCheckedWhereItIsNotHome() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let thread = try IOThread(name: "home")
        thread.context.serialExecutor.checkIsolated()
      }
      expectSentence("code isolated to AioContext 'home' was called on another thread", in: result)
    }

    @Test func wakingACoroutineThatNobodyStartedTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let coroutine = Coroutine(name: "new") {}
        coroutine.wake()
      }
      expectSentence("coroutine 'new' was woken before it was scheduled or entered", in: result)
    }

    @Test func reschedulingOutsideACoroutineTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let thread = try IOThread(name: "other")
        await Coroutine.reschedule(on: thread.context)
      }
      expectSentence("Coroutine.reschedule(on:) was called outside a coroutine", in: result)
    }

    @Test func anIOThreadThatShutsItselfDownTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let thread = try IOThread(name: "own")
        await Task(executorPreference: thread.context.taskExecutor) {
          _ = await thread.shutDown()
        }.value
      }
      expectSentence("IOThread 'own' cannot shut itself down", in: result)
    }
  }
}
