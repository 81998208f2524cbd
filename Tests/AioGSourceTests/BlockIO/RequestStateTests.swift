// Contract 18: the life of a request, over every sequence of events up to a length.

import Glibc
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct RequestStateTests {
    /// What may happen to a request; an engine may let it happen only where `Model.allowed` says so.
    private enum Event: CaseIterable {
      case start, submit, returnedWhole, returnedAtEnd, returnedShort, returnedEmpty,
        returnedRefused
      case finishUnsubmitted, cancel, free

      var action: Transfer.Action {
        switch self {
        case .returnedWhole: return .finish(7)
        case .returnedAtEnd: return .finishAtEnd(3)
        case .returnedShort: return .again
        case .returnedEmpty: return .awaitReadiness
        default: return .againElsewhere
        }
      }
    }

    /// A request, and what was counted of it.
    private struct Model {
      var state = RequestState()
      var starts = 0
      var finishes = 0
      /// Submissions after a cancellation of the same life.
      var restartsAfterCancel = 0
      var wasCancelled = false
      /// It was told to finish as cancelled, and has yet to.
      var owesFinish = false

      func allowed(_ event: Event) -> Bool {
        if event == .cancel { return true }
        if owesFinish { return event == .finishUnsubmitted }
        switch state.phase {
        case .free: return event == .start
        case .queued: return event == .submit || event == .finishUnsubmitted
        case .submitted:
          return [.returnedWhole, .returnedAtEnd, .returnedShort, .returnedEmpty, .returnedRefused]
            .contains(event)
        case .finished: return event == .free
        }
      }

      /// Lets it happen; false if the request did not answer as promised.
      mutating func perform(_ event: Event) -> Bool {
        switch event {
        case .start:
          state.start()
          starts += 1
          wasCancelled = false
          return state.phase == .queued && !state.isCancelled
        case .submit:
          state.submit()
          if wasCancelled { restartsAfterCancel += 1 }
          return state.phase == .submitted
        case .finishUnsubmitted:
          state.finishUnsubmitted()
          owesFinish = false
          finishes += 1
          return state.phase == .finished
        case .free:
          state.free()
          return state.phase == .free
        case .cancel: return cancel()
        default: return returned(event.action)
        }
      }

      private mutating func returned(_ action: Transfer.Action) -> Bool {
        let result = state.returned(action)
        if result != nil { finishes += 1 }
        switch action {
        case .finish(let count), .finishAtEnd(let count):
          return result == count && state.phase == .finished
        default:
          return wasCancelled
            ? result == -Int(ECANCELED) && state.phase == .finished
            : result == nil && state.phase == .queued
        }
      }

      private mutating func cancel() -> Bool {
        let phase = state.phase
        let answer = state.cancel()
        let isFirst = !wasCancelled
        if phase == .queued || phase == .submitted { wasCancelled = true }
        if answer == .finish { owesFinish = true }
        guard state.phase == phase else { return false }
        switch phase {
        case .free, .finished: return answer == .nothing
        case .queued: return answer == (isFirst ? .finish : .nothing)
        case .submitted: return answer == (isFirst ? .ask : .nothing)
        }
      }
    }

    @Test func everySequenceOfEventsHasOneFinishForEachStart() {
      var sequences = 0
      var failures: [[Event]] = []
      func walk(_ model: Model, _ path: [Event]) {
        if path.count == 13 || failures.count > 3 {
          sequences += 1
          return
        }
        for event in Event.allCases where model.allowed(event) {
          var next = model
          let isKept = next.perform(event)
          let open = next.state.phase == .queued || next.state.phase == .submitted ? 1 : 0
          if !isKept || next.finishes != next.starts - open || next.restartsAfterCancel > 0 {
            failures.append(path + [event])
            return
          }
          walk(next, path + [event])
        }
      }
      walk(Model(), [])
      #expect(failures.isEmpty)
      #expect(sequences > 100_000)
    }

    @Test func cancellingTellsWhoHasIt() {
      var state = RequestState()
      #expect(state.cancel() == .nothing)
      state.start()
      #expect(state.cancel() == .finish)
      #expect(state.cancel() == .nothing)
      state.finishUnsubmitted()
      #expect(state.cancel() == .nothing)
      state.free()
      state.start()
      state.submit()
      #expect(state.cancel() == .ask)
      #expect(state.cancel() == .nothing)
      #expect(state.returned(.finish(9)) == 9, "what is done is done")
    }

    @Test func aCancelledRequestIsNotMadeAgainForItsRest() {
      for action in [Transfer.Action.again, .againElsewhere, .awaitReadiness] {
        var state = RequestState()
        state.start()
        state.submit()
        _ = state.cancel()
        #expect(state.returned(action) == -Int(ECANCELED))
        #expect(state.phase == .finished)
      }
    }

    @Test func aCancellationIsForgottenWithItsRequest() {
      var state = RequestState()
      state.start()
      state.submit()
      _ = state.cancel()
      _ = state.returned(.finish(1))
      state.free()
      state.start()
      #expect(!state.isCancelled)
      state.submit()
      #expect(state.returned(.again) == nil)
    }
  }
}
