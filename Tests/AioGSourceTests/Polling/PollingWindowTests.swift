// Contract 10.4: the window, by a clock of the test's own.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct PollingWindowTests {
    private func windows(
      blocked: [Int64], maximum: Int64 = 32_768, grow: Int64 = 0, shrink: Int64 = 0
    ) -> [Int64] {
      var window = PollingWindow()
      return blocked.map {
        window.adjust(blocked: $0, maximum: maximum, grow: grow, shrink: shrink)
        return window.nanoseconds
      }
    }

    @Test func itGrowsToTheMaximumAndStays() {
      #expect(
        windows(blocked: Array(repeating: 32_500, count: 7))
          == [4_000, 8_000, 16_000, 32_000, 32_768, 32_768, 32_768])
    }

    @Test func itStopsGrowingOnceItCoversTheWait() {
      #expect(
        windows(blocked: Array(repeating: 20_000, count: 6))
          == [4_000, 8_000, 16_000, 32_000, 32_000, 32_000])
    }

    @Test func aLongWaitEndsItOrDividesIt() {
      #expect(windows(blocked: [30_000, 30_000, 1_000_000]).last == 0)
      #expect(windows(blocked: [30_000, 30_000, 1_000_000], shrink: 2) == [4_000, 8_000, 4_000])
      #expect(
        windows(blocked: [30_000, 1_000_000, 1_000_000], shrink: 3) == [4_000, 1_333, 444])
    }

    @Test func growthIsConfigurableAndDoesNotOverflow() {
      #expect(windows(blocked: [30_000, 30_000, 30_000], grow: 3) == [4_000, 12_000, 32_768])
      #expect(
        windows(blocked: [.max - 1, .max - 1], maximum: .max, grow: .max)
          == [4_000, .max])
    }

    @Test func aWaitOfExactlyTheMaximumChangesNothing() {
      #expect(windows(blocked: [30_000, 32_768, 32_768]) == [4_000, 4_000, 4_000])
    }

    @Test func theFirstGrowthStaysWithinASmallMaximum() {
      #expect(windows(blocked: [500], maximum: 1_000) == [1_000])
    }
  }
}
