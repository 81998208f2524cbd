// Ratios, noise, bars, growth.

import BenchReport
import Testing

private func comparison(
  _ ours: [Double], _ peer: [Double], unit: BenchReport.Unit = .nanoseconds, bar: Double? = nil
) -> Comparison {
  Comparison(name: "row", unit: unit, ours: ours, peerName: "GLib", peer: .values(peer), bar: bar)
}

@Suite struct ComparisonTests {
  @Test func theRatioOfACostIsThePeersOverOurs() {
    #expect(comparison([10, 20, 30], [40, 50, 600]).ratio == 2.5)
  }

  @Test func theRatioOfARateIsOursOverThePeers() {
    let rate = Unit("MiB/s", moreIsBetter: true)
    #expect(comparison([300], [100], unit: rate).ratio == 3)
  }

  @Test func aCostOfNothingIsBetterThanAnyAndAsGoodAsNothing() {
    #expect(comparison([0], [5]).ratio == .infinity)
    #expect(comparison([0], [0]).ratio == 1)
  }

  @Test func whatDisturbsOursAndThePeersAlikeIsNoNoise() {
    let together = comparison([10, 20, 40, 80, 160], [20, 40, 80, 160, 320])
    #expect(together.ratioSpread == 0)
    #expect(!together.isNoisy)
    let apart = comparison([10, 20, 40, 80, 160], [20, 20, 20, 20, 20])
    #expect(apart.isNoisy)
  }

  @Test func aBarHoldsAtItAndAboveAndNotWithoutThePeer() {
    #expect(comparison([10], [15], bar: 1.5).holds)
    #expect(!comparison([10], [14.9], bar: 1.5).holds)
    #expect(comparison([10], [1]).holds)
    let missing = Comparison(
      name: "row", unit: .nanoseconds, ours: [1], peerName: "fio", peer: .missing("not installed"),
      bar: 1)
    #expect(!missing.holds)
    #expect(missing.ratio == nil && !missing.isNoisy)
  }

  @Test func growthIsOursOverOurs() {
    let growth = { (atMost: Double, from: [Double], to: [Double]) in
      MeasuredGrowth(Growth(from: "few", to: "many", atMost: atMost), from: from, to: to)
    }
    #expect(growth(1.3, [100], [131]).factor == 1.31)
    #expect(!growth(1.3, [100], [131]).holds)
    #expect(growth(1.31, [100], [131]).holds)
    #expect(growth(1.3, [0], [0]).holds)
    #expect(!growth(1.3, [0], [1]).holds)
    // A machine that is twice as slow for a round is so for both.
    #expect(!growth(1.3, [100, 200, 100], [100, 200, 100]).isNoisy)
    #expect(growth(1.3, [100, 100, 100], [100, 200, 300]).isNoisy)
  }
}
