// The table and the JSON.

import BenchReport
import Foundation
import Testing

private let reached = Comparison(
  name: "timer.fire", unit: .nanoseconds, ours: [100, 110, 90], peerName: "libuv",
  peer: .values([150, 165, 135]), bar: 1.2)
private let below = Comparison(
  name: "timer.fire", unit: .nanoseconds, ours: [100, 110, 90], peerName: "GLib",
  peer: .values([150, 165, 135]), bar: 100)
private let missing = Comparison(
  name: "copy.1g", unit: Unit("MiB/s", moreIsBetter: true), ours: [2000], peerName: "cp",
  peer: .missing("cp is not installed"))

@Suite struct ReportTests {
  @Test func theJSONHasAnObjectForEachPeerWithNullForWhatIsNotKnown() throws {
    let data = try jsonReport([reached, below, missing])
    let parsed = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    #expect(parsed.count == 3)
    #expect(
      parsed.allSatisfy { Set($0.keys) == ["name", "unit", "ours", "peer", "peer_name", "ratio"] })
    #expect(parsed[0]["name"] as? String == "timer.fire")
    #expect(parsed[0]["unit"] as? String == "ns")
    #expect(parsed[0]["ours"] as? Double == 100)
    #expect(parsed[0]["peer"] as? Double == 150)
    #expect(parsed[0]["peer_name"] as? String == "libuv")
    #expect(parsed[0]["ratio"] as? Double == 1.5)
    #expect(parsed[1]["peer_name"] as? String == "GLib")
    #expect(parsed[2]["peer"] is NSNull && parsed[2]["ratio"] is NSNull)
  }

  @Test func aRatioWithoutEndIsNullInJSON() throws {
    let free = Comparison(
      name: "free", unit: .bytes, ours: [0], peerName: "GLib", peer: .values([1]))
    let parsed = try JSONSerialization.jsonObject(with: jsonReport([free])) as? [[String: Any]]
    #expect(parsed?.first?["ratio"] is NSNull)
  }

  @Test func aLineSaysWhatIsWrongWithItsRow() {
    #expect(!Table.line(reached).contains("BELOW"))
    #expect(Table.line(below).contains("BELOW ITS BAR"))
    #expect(Table.line(missing).hasSuffix("cp is not installed"))
    #expect(Table.line(reached, note: "repeated").hasSuffix("repeated"))
    let noisy = Comparison(
      name: "x", unit: .nanoseconds, ours: [1, 2, 3], peerName: "GLib", peer: .values([3, 2, 1]))
    #expect(Table.line(noisy).contains("noisy"))
  }

  @Test func columnsStandUnderTheirHeads() {
    let end = Table.header.range(of: "ratio")!.upperBound
    let place = Table.header.distance(from: Table.header.startIndex, to: end)
    #expect(Table.line(reached).prefix(place).hasSuffix(" 1.50"))
  }

  @Test(arguments: [
    (0, "0"), (0.123, "0.12"), (1.005, "1.00"), (9.994, "9.99"), (9.996, "10.0"), (99.94, "99.9"),
    (99.96, "100"), (1234.6, "1235"), (-0.5, "-0.50"), (Double.infinity, "inf"),
  ])
  func numbersHaveThreeDigits(_ value: Double, _ text: String) {
    #expect(Table.number(value) == text)
  }
}
