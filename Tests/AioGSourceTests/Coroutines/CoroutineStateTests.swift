// The steps of a coroutine's life, one by one, and all that may follow each other. Contract 17.

import SeededRandom
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct CoroutineStateTests {
    private typealias State = CoroutineState

    @Test func oneIsResumedForEachYield() {
      for phase in [State.Phase.created, .yielded] {
        let (scheduled, action) = State(phase).schedule(isOnItsOwn: false)
        #expect(action == .resume)
        #expect(scheduled == State(.resuming, isScheduled: true))
        #expect(scheduled.run().0 == State(.running))
        #expect(State(phase).enter() == (State(.running), .resume))
      }
    }

    @Test func aSecondOneIsToldSo() {
      for state in [State(.resuming, isScheduled: true), State(.running, isScheduled: true)] {
        for isOnItsOwn in [true, false] {
          #expect(state.schedule(isOnItsOwn: isOnItsOwn) == (state, .trapScheduled))
        }
        #expect(state.enter() == (state, .trapScheduled))
      }
    }

    @Test func onItsOwnContextItMayBeScheduledBeforeItYields() {
      let (state, action) = State(.running).schedule(isOnItsOwn: true)
      #expect(action == .whenYielded)
      // It may wait for something else first.
      #expect(state.run().0 == state)
      #expect(state.yield() == (State(.resuming, isScheduled: true), .resume))
      #expect(State(.running).schedule(isOnItsOwn: false) == (State(.running), .trapRunning))
    }

    @Test func oneThatRunsIsNotEntered() {
      #expect(State(.running).enter() == (State(.running), .trapRunning))
    }

    @Test func leavingIsBeingScheduled() {
      #expect(State(.running).leave() == (State(.resuming, isScheduled: true), .resume))
      let scheduled = State(.running, isScheduled: true)
      #expect(scheduled.leave() == (scheduled, .trapScheduled))
    }

    @Test func theEndIsTheEnd() {
      #expect(State(.running).end() == (State(.ended), .nothing))
      let scheduled = State(.running, isScheduled: true)
      #expect(scheduled.end() == (scheduled, .trapScheduled))
      #expect(State(.ended).schedule(isOnItsOwn: true) == (State(.ended), .trapEnded))
      #expect(State(.ended).enter() == (State(.ended), .trapEnded))
    }

    /// Whatever is done in whatever order, whoever is told to resume is the only one until it runs.
    @Test func nobodyIsResumedTwice() {
      var generator = SeededGenerator(seed: 17)
      for _ in 0..<2_000 {
        var state = State()
        var resumptions = 0
        var runs = 0
        for _ in 0..<30 {
          let before = state
          let (next, action): (State, State.Action)
          switch Int.random(in: 0..<6, using: &generator) {
          case 0: (next, action) = state.schedule(isOnItsOwn: false)
          case 1: (next, action) = state.schedule(isOnItsOwn: true)
          case 2: (next, action) = state.enter()
          case 3:
            if resumptions == 0 { continue }
            (next, action) = state.run()
          case 4:
            if runs == 0 { continue }
            (next, action) = state.yield()
            runs -= 1
          default:
            if runs == 0 { continue }
            (next, action) = state.leave()
            if action == .trapScheduled { continue }
            runs -= 1
          }
          state = next
          switch action {
          case .resume:
            if next.phase == .running { runs += 1 } else { resumptions += 1 }
          case .nothing where before.phase == .resuming && next.phase == .running:
            resumptions -= 1
            runs += 1
          case .trapScheduled, .trapRunning, .trapEnded: #expect(state == before)
          default: break
          }
          #expect(resumptions + runs <= 1)
          #expect((state.phase == .running) == (runs == 1))
          #expect((state.phase == .resuming) == (resumptions == 1))
        }
      }
    }
  }
}
