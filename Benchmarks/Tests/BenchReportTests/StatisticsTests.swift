// Medians, quantiles, spreads.

import BenchReport
import Testing

@Suite struct StatisticsTests {
  @Test func theMedianIsTheMiddleValueOrTheMeanOfTheTwoInTheMiddle() {
    #expect(median([5]) == 5)
    #expect(median([9, 1, 5]) == 5)
    #expect(median([4, 1, 3, 2]) == 2.5)
  }

  @Test func quantilesAreInterpolated() {
    #expect(quantile([0, 10, 20, 30, 40], 0.25) == 10)
    #expect(quantile([0, 10], 0.25) == 2.5)
    #expect(quantile([3, 1, 2], 1) == 3)
  }

  @Test func theSpreadIsTheMiddleHalfsAsAShareOfTheMedian() {
    #expect(spread([80, 90, 100, 110, 120]) == 0.2)
    // One run that was disturbed does not make a row noisy.
    #expect(spread([100, 100, 100, 100, 100, 100, 900]) == 0)
    #expect(spread([0, 0, 0]) == 0)
  }
}
