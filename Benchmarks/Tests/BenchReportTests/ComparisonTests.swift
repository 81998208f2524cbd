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
    let rows = [("few", 100.0), ("many", 131.0)].map {
      Comparison(name: $0, unit: .nanoseconds, ours: [$1], peerName: "GLib", peer: .values([1]))
    }
    let growth = Growth(from: "few", to: "many", atMost: 1.3)
    #expect(growth.factor(in: rows) == 1.31)
    #expect(!growth.holds(in: rows))
    #expect(Growth(from: "few", to: "many", atMost: 1.31).holds(in: rows))
    #expect(growth.factor(in: Array(rows.prefix(1))) == nil)
    #expect(growth.holds(in: []))
  }
}
