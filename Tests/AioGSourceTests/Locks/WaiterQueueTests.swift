// The queue behind the two locks: every step of a wait, and every order of its end.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct WaiterQueueTests {
    private typealias Queue = WaiterQueue<String, Int>

    /// A queue in which 1, 2, ... `count` wait.
    private func queue(of count: Int) -> (Queue, [Queue.Ticket]) {
      var queue = Queue()
      let tickets = (1...count).map { waiter in
        let ticket = queue.join("kind \(waiter)")
        #expect(queue.suspend(ticket, waiter) == .wait)
        return ticket
      }
      return (queue, tickets)
    }

    private func left(_ cancellation: Queue.Cancellation) -> Int?? {
      if case .left(let waiter) = cancellation { return waiter }
      return nil
    }

    @Test func theFirstToJoinIsTheFirstToBeResumed() {
      var (queue, _) = queue(of: 3)
      #expect(queue.count == 3)
      for waiter in 1...3 {
        #expect(queue.first == "kind \(waiter)")
        queue.grantFirst()
        #expect(queue.takeResumable() == waiter)
      }
      #expect(queue.isEmpty && queue.count == 0 && queue.first == nil)
    }

    @Test func thoseWhoseTurnCameTogetherAreResumedInTheirOrder() {
      var (queue, _) = queue(of: 3)
      for _ in 0..<3 { queue.grantFirst() }
      #expect(queue.isEmpty)
      #expect(queue.takeResumable() == 1)
      #expect(queue.takeResumable() == 2)
      #expect(queue.takeResumable() == 3)
      #expect(queue.takeResumable() == nil)
    }

    @Test func oneWhoseTurnComesBeforeItSuspendsIsNotResumedButTold() {
      var queue = Queue()
      let ticket = queue.join("early")
      queue.grantFirst()
      #expect(queue.takeResumable() == nil)
      #expect(queue.suspend(ticket, 1) == .granted)
      #expect(queue.takeResumable() == nil)
    }

    @Test func oneCancelledBeforeItSuspendsIsNotResumedButTold() {
      var queue = Queue()
      let ticket = queue.join("early")
      #expect(left(queue.cancel(ticket)) == .some(nil))
      #expect(queue.isEmpty)
      #expect(queue.suspend(ticket, 1) == .cancelled)
      #expect(queue.takeResumable() == nil)
    }

    @Test func oneCancelledWhileItWaitsIsHandedOut() {
      var (queue, tickets) = queue(of: 1)
      #expect(left(queue.cancel(tickets[0])) == .some(1))
      #expect(queue.isEmpty && queue.takeResumable() == nil)
    }

    @Test(arguments: 0..<3)
    func whoeverIsCancelledTheOthersKeepTheirOrder(_ cancelled: Int) {
      var (queue, tickets) = queue(of: 3)
      #expect(left(queue.cancel(tickets[cancelled])) == .some(cancelled + 1))
      for waiter in 1...3 where waiter != cancelled + 1 {
        #expect(queue.first == "kind \(waiter)")
        queue.grantFirst()
        #expect(queue.takeResumable() == waiter)
      }
      #expect(queue.isEmpty)
    }

    @Test func aCancellationAfterTheTurnIsTooLate() {
      var queue = Queue()
      let early = queue.join("early")
      queue.grantFirst()
      #expect(left(queue.cancel(early)) == nil)
      #expect(queue.suspend(early, 1) == .granted)
      #expect(left(queue.cancel(early)) == nil)

      let late = queue.join("late")
      #expect(queue.suspend(late, 2) == .wait)
      queue.grantFirst()
      // To be resumed, and not yet taken.
      #expect(left(queue.cancel(late)) == nil)
      #expect(queue.takeResumable() == 2)
      #expect(left(queue.cancel(late)) == nil)
    }

    @Test func aSecondCancellationIsTooLate() {
      var queue = Queue()
      let ticket = queue.join("cancelled")
      #expect(left(queue.cancel(ticket)) == .some(nil))
      #expect(left(queue.cancel(ticket)) == nil)
      #expect(queue.suspend(ticket, 1) == .cancelled)
      #expect(left(queue.cancel(ticket)) == nil)
    }

    @Test func aTicketThatIsUsedUpDoesNotEndTheNextWaitInItsPlace() {
      var (queue, tickets) = queue(of: 1)
      queue.grantFirst()
      #expect(queue.takeResumable() == 1)
      let next = queue.join("next")
      #expect(queue.suspend(next, 2) == .wait)
      #expect(left(queue.cancel(tickets[0])) == nil)
      #expect(queue.count == 1)
      #expect(left(queue.cancel(next)) == .some(2))
    }

    @Test func aSecondSuspensionTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        var queue = WaiterQueue<Void, Int>()
        let ticket = queue.join(())
        _ = queue.suspend(ticket, 1)
        queue.grantFirst()
        _ = queue.suspend(ticket, 1)
      }
      expectSentence("a waiter suspended twice with one ticket", in: result)
    }
  }
}
