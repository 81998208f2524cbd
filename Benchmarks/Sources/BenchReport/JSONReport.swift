// The report that programs read: an array, an object for each comparison.

import Foundation

/// The comparisons as JSON. What is not known is null.
public func jsonReport(_ comparisons: [Comparison]) throws -> Data {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return try encoder.encode(comparisons.map(Entry.init)) + Data("\n".utf8)
}

private struct Entry: Encodable {
  let comparison: Comparison

  enum CodingKeys: String, CodingKey {
    case name, unit, ours, peer, ratio
    case peerName = "peer_name"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(comparison.name, forKey: .name)
    try container.encode(comparison.unit.name, forKey: .unit)
    try container.encode(median(comparison.ours), forKey: .ours)
    try container.encode(comparison.peerName, forKey: .peerName)
    try container.encode(comparison.peerValues.map(median), forKey: .peer)
    // JSON has no infinity.
    try container.encode(comparison.ratio.flatMap { $0.isFinite ? $0 : nil }, forKey: .ratio)
  }
}
