// When a round of busy polling gives way, and when it is the last, by a clock of the test's own.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct PollingSpanTests {
    /// Lets rounds end at these times: how many there were, in which of them the processor was offered, and whether it was
    /// crowded.
    private func rounds(
      endingAt times: [Int64], limit: Int64 = 1_000_000, handlersWindow: Int64 = 0
    ) -> (count: Int, yielding: [Int], isCrowded: Bool) {
      var span = PollingSpan(limit: limit, handlersWindow: handlersWindow)
      var yielding: [Int] = []
      for (number, time) in times.enumerated() {
        if span.yields { yielding.append(number) }
        if !span.goesOn(after: time) { return (number + 1, yielding, span.isCrowded) }
      }
      return (times.count + 1, yielding, span.isCrowded)
    }

    @Test func itLastsAsLongAsItMay() {
      #expect(rounds(endingAt: [400, 800, 999, 1000, 1200], limit: 1000).count == 4)
    }

    @Test func whatWasFoundEndsItWithoutOfferingTheProcessor() {
      var span = PollingSpan(limit: 1_000_000, handlersWindow: 0)
      let goesOn = span.goesOn(after: 20_000)
      #expect(goesOn && span.yields)
      span.end()
      #expect(!span.yields)
      let goesOnAfterAll = span.goesOn(after: 20_100)
      #expect(!goesOnAfterAll)
      #expect(!span.isCrowded)
    }

    @Test func theProcessorIsOfferedFromSixteenMicrosecondsOn() {
      let result = rounds(endingAt: [10_000, 16_000, 16_001, 20_000])
      #expect(result.yielding == [3])
    }

    @Test func aRoundInWhichSomebodyElseRanIsTheLast() {
      let result = rounds(endingAt: [30_000, 80_000, 130_001, 131_000])
      #expect(result.count == 3)
      #expect(result.isCrowded)
    }

    @Test func theFirstRoundMayBeSuchAOne() {
      #expect(rounds(endingAt: [50_000]) == (2, [], false))
      #expect(rounds(endingAt: [50_001]) == (1, [], true))
    }

    /// What a poll callback asked for keeps the processor, however long a round takes.
    @Test func handlersHaveTheirWindow() {
      let result = rounds(
        endingAt: [90_000, 180_000, 270_000, 300_000, 310_000, 370_000],
        handlersWindow: 200_000)
      #expect(result.count == 6)
      #expect(result.yielding == [3, 4, 5])
      #expect(result.isCrowded)
    }

    /// The round that began within it is the handlers' to its end.
    @Test func theRoundInWhichTheirWindowEndsCountsAsTheirs() {
      #expect(rounds(endingAt: [199_999, 400_000], handlersWindow: 200_000).count == 3)
    }
  }
}
