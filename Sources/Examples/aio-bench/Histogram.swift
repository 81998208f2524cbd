// Latencies, counted in buckets of equal relative width: 32 to each power of two, so a percentile is off by 3 % at most,
// and recording one costs a few instructions.
//
// One thread at a time. A class over raw memory: it is written to for every operation that is measured.

final class Histogram {
  private static let subBuckets = 32
  private static let shift = 5

  private let counts: UnsafeMutableBufferPointer<Int>
  private(set) var total = 0

  init() {
    counts = .allocate(capacity: 64 * Self.subBuckets)
    counts.initialize(repeating: 0)
  }

  deinit { counts.deallocate() }

  @inline(__always)
  func record(_ value: Int64) {
    counts[Self.bucket(max(value, 0))] += 1
    total += 1
  }

  func add(_ other: Histogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    total += other.total
  }

  private static func bucket(_ value: Int64) -> Int {
    if value < subBuckets { return Int(value) }
    let power = 63 - value.leadingZeroBitCount
    return (power - shift + 1) * subBuckets + Int(value >> (power - shift)) & (subBuckets - 1)
  }

  /// The largest value of a bucket.
  private static func limit(_ bucket: Int) -> Int64 {
    if bucket < subBuckets { return Int64(bucket) }
    let power = bucket / subBuckets + shift - 1
    let step = Int64(bucket % subBuckets + subBuckets)
    return ((step + 1) << (power - shift)) - 1
  }

  /// The value that a share of all is not above.
  func percentile(_ share: Double) -> Int64 {
    var left = Int((Double(total) * share).rounded(.up))
    for (bucket, count) in counts.enumerated() where count > 0 {
      left -= count
      if left <= 0 { return Self.limit(bucket) }
    }
    return 0
  }

  /// Counts by powers of two: from 2^n on.
  func powers() -> [(from: Int64, count: Int)] {
    var rows: [Int: Int] = [:]
    for (bucket, count) in counts.enumerated() where count > 0 {
      let value = Self.limit(bucket)
      rows[value < 1 ? 0 : 63 - value.leadingZeroBitCount, default: 0] += count
    }
    return rows.sorted { $0.key < $1.key }.map { (Int64(1) << Int64($0.key), $0.value) }
  }
}
