// The meeting of an operation and a cancellation, in every order.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct CancellationGateTests {
    private let target: CancellationGate.Target

    init() {
      target = .init(address: UnsafeMutableRawPointer(bitPattern: 4096)!, generation: 7)
    }

    @Test func whoIsCancelledFirstDoesNotBegin() {
      let gate = CancellationGate()
      let isCancelled = gate.isCancelled
      #expect(!isCancelled)
      let step1 = gate.cancel()
      #expect(step1 == nil)
      let isCancelledAfter = gate.isCancelled
      #expect(isCancelledAfter)
    }

    @Test func whoBeginsFirstIsTold() {
      let gate = CancellationGate()
      let step6 = gate.begun(target)
      #expect(!step6)
      let step2 = gate.cancel()
      #expect(step2 == target)
      // Once.
      let step3 = gate.cancel()
      #expect(step3 == nil)
    }

    @Test func aCancellationWhileItBeginsIsTheBeginnersToDealWith() {
      let gate = CancellationGate()
      let step4 = gate.cancel()
      #expect(step4 == nil)
      let step7 = gate.begun(target)
      #expect(step7)
      let step5 = gate.cancel()
      #expect(step5 == nil)
    }
  }
}
