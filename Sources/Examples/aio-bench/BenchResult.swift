// What was measured, as text or as one JSON object.

import AioGSource
import Foundation

struct BenchResult {
  let options: AioBench
  let kind: AIOEngine.Kind
  let monitor: MonitorKind
  let nanoseconds: Int64
  let cpuNanoseconds: Int64
  let histogram: Histogram

  private var operations: Int { histogram.total }
  private var seconds: Double { Double(nanoseconds) / 1e9 }
  private var rate: Double { Double(operations) / seconds }
  private var bandwidth: Double { rate * Double(options.blockSize.value) }
  private var cpu: Double { Double(cpuNanoseconds) / Double(max(operations, 1)) }

  func text() -> String {
    let what = options.write ? "writes" : "reads"
    var lines = [
      "\(options.pattern.rawValue) \(what) of \(options.blockSize.value) bytes, depth \(options.depth), "
        + "cache \(options.cache.rawValue), \(options.contexts) context\(options.contexts == 1 ? "" : "s")",
      "engine \(kind), driver \(options.driver.rawValue), monitor \(monitor)",
      "",
      String(format: "  operations     %d in %.3f s", operations, seconds),
      String(format: "  a second       %.0f", rate),
      String(format: "  bandwidth      %.1f MB/s", bandwidth / 1e6),
      String(format: "  CPU            %.0f ns an operation", cpu),
      "  latency        p50 \(Self.time(histogram.percentile(0.5))), "
        + "p99 \(Self.time(histogram.percentile(0.99))), "
        + "p99.9 \(Self.time(histogram.percentile(0.999)))",
      "",
    ]
    let rows = histogram.powers()
    let largest = rows.map { $0.count }.max() ?? 1
    for row in rows {
      let width = max(row.count * 48 / largest, row.count > 0 ? 1 : 0)
      let label = Self.time(row.from)
      let share = String(format: "%6.2f %%", Double(row.count) * 100 / Double(max(operations, 1)))
      lines.append(
        "  \(String(repeating: " ", count: max(0, 9 - label.count)))\(label) \(share) "
          + String(repeating: "█", count: width))
    }
    return lines.joined(separator: "\n")
  }

  static func time(_ nanoseconds: Int64) -> String {
    switch nanoseconds {
    case ..<10_000: "\(nanoseconds) ns"
    case ..<10_000_000: String(format: "%.1f µs", Double(nanoseconds) / 1e3)
    default: String(format: "%.1f ms", Double(nanoseconds) / 1e6)
    }
  }

  func json() throws -> String {
    struct Output: Encodable {
      struct Latency: Encodable {
        let p50: Int64
        let p99: Int64
        let p999: Int64
      }
      let engine: String
      let driver: String
      let operations: Int
      let seconds: Double
      let iops: Double
      let bytesPerSecond: Double
      let cpuNsPerOperation: Double
      let latencyNs: Latency
    }
    let output = Output(
      engine: kind.rawValue, driver: options.driver.rawValue, operations: operations,
      seconds: seconds, iops: rate, bytesPerSecond: bandwidth, cpuNsPerOperation: cpu,
      latencyNs: .init(
        p50: histogram.percentile(0.5), p99: histogram.percentile(0.99),
        p999: histogram.percentile(0.999)))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(output), as: UTF8.self)
  }
}
