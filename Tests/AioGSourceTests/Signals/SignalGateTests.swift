// Where the iterator of signals waits: the protocol alone.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct SignalGateTests {
    private struct Answers {
      var gate = SignalGate<String>()
      mutating func open() -> Bool { gate.open() }
      mutating func wait() -> Bool { gate.wait("waiter") }
      mutating func tell() -> String? { gate.tell() }
    }

    @Test func whoWaitsIsWokenOnce() {
      var gate = SignalGate<String>()
      let answers = [gate.open(), gate.wait("waiter")]
      #expect(answers == [true, true])
      let woken = [gate.tell(), gate.tell()]
      #expect(woken == ["waiter", nil])
    }

    @Test func whatComesBetweenTheLookAndTheWaitIsLookedAt() {
      var gate = SignalGate<String>()
      _ = gate.open()
      let woken = gate.tell()
      #expect(woken == nil)
      let waits = [gate.wait("waiter"), gate.wait("waiter")]
      // Looked again, it may wait.
      #expect(waits == [false, true])
    }

    @Test func whatComesWhileNobodyAsksIsLookedAtAnyway() {
      var gate = SignalGate<String>()
      let woken = gate.tell()
      #expect(woken == nil)
      let answers = [gate.open(), gate.wait("waiter")]
      #expect(answers == [true, true])
    }

    @Test func onlyOneMayAskAtATime() {
      var gate = SignalGate<String>()
      let first = [gate.open(), gate.open()]
      #expect(first == [true, false])
      _ = gate.wait("waiter")
      let second = gate.open()
      #expect(!second)
      gate.close()
      let third = gate.open()
      #expect(third)
    }
  }
}
