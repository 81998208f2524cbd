// Who ends a call of a GIO pair: the protocol alone.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct GIOCallStateTests {
    @Test func aCallThatWasStartedIsEndedByItsCallback() {
      var state = GIOCallState()
      let isStarted = state.start()
      #expect(isStarted)
      let cancellations = [state.cancel(), state.cancel()]
      #expect(cancellations == [.tellOperation, .tellOperation])
      #expect(!state.hasEnded)
      state.complete()
      #expect(state.hasEnded)
      let late = state.cancel()
      #expect(late == .none)
    }

    @Test func aCallThatWasNotStartedIsEndedByCancellationAndNotStartedAnyMore() {
      var state = GIOCallState()
      let first = state.cancel()
      #expect(first == .end)
      #expect(state.hasEnded)
      let second = state.cancel()
      #expect(second == .none)
      let isStarted = state.start()
      #expect(!isStarted)
    }

    @Test func aSecondCallbackTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        var state = GIOCallState()
        _ = state.start()
        state.complete()
        state.complete()
      }
      expectSentence("called its callback twice", in: result)
    }
  }
}
