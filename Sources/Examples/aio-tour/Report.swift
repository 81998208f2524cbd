// What the tour found, as a table of 80 columns or as one JSON object.

import AioGSource
import Foundation

struct Report {
  let monitor: MonitorKind
  let driver: Driver
  let file: String
  var stream = StreamResult()
  var engines: [EngineResult] = []
  var wakeup: Distribution!
  var aioLateness: Distribution!
  var glibLateness: Distribution!
  var floorLateness: Distribution!
  var iterations: [IterationCost] = []
  var timeouts = 0

  func table() -> String {
    let line = String(repeating: "─", count: 76)
    var rows: [String] = [line]
    rows.append(row("monitor \(monitor), driver \(driver.rawValue)", "", "", ""))
    rows.append(line)
    let rate = Double(stream.bytes) / Double(max(stream.nanoseconds, 1)) * 1_000
    rows.append(
      row(
        "file through sha256sum", "\(stream.bytes) B", String(format: "%.0f MB/s", rate),
        stream.matches ? "digest ok" : "MISMATCH"))
    rows.append(row("the file through an I/O engine", "", "", ""))
    for engine in engines {
      if engine.refusal != nil {
        rows.append(row("  \(engine.engine)", "not to be had here", "", ""))
      } else {
        rows.append(
          row(
            "  \(engine.engine)", "\(engine.bytes) B",
            String(format: "%.0f MB/s", engine.bytesPerSecond / 1e6),
            engine.matches ? "bytes ok" : "MISMATCH"))
      }
    }
    rows.append(row("wake-up by another thread", "median", "p99", ""))
    rows.append(row("  bottom half", time(wakeup.median), time(wakeup.p99), ""))
    rows.append(row("300 µs timer, late by", "median", "p99", ""))
    for (name, lateness) in [
      ("  AioTimer", aioLateness!), ("  g_source_set_ready_time", glibLateness!),
      ("  bare clock_nanosleep", floorLateness!),
    ] {
      rows.append(row(name, time(lateness.median), time(lateness.p99), ""))
    }
    rows.append(row("one iteration", "AioContext", "GLib", "ratio"))
    for cost in iterations {
      rows.append(
        row(
          "  \(cost.descriptors) descriptor\(cost.descriptors == 1 ? "" : "s")", time(cost.aio),
          time(cost.glib), String(format: "%.1f", Double(cost.glib) / Double(cost.aio))))
    }
    rows.append(row("GLib timeouts served meanwhile", "\(timeouts)", "", ""))
    rows.append(line)
    return rows.joined(separator: "\n")
  }

  private func row(_ name: String, _ first: String, _ second: String, _ third: String) -> String {
    let cells = [(first, 13), (second, 13), (third, 11)].map { text, width in
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    let text = " " + name + String(repeating: " ", count: max(0, 34 - name.count)) + cells.joined()
    return text.replacingOccurrences(of: " +$", with: "", options: .regularExpression)
  }

  private func time(_ nanoseconds: Int64) -> String {
    switch nanoseconds {
    case ..<10_000: "\(nanoseconds) ns"
    case ..<10_000_000: String(format: "%.1f µs", Double(nanoseconds) / 1e3)
    default: String(format: "%.1f ms", Double(nanoseconds) / 1e6)
    }
  }

  func json() throws -> String {
    struct Output: Encodable {
      struct Median: Encodable { let median: Int64 }
      struct Spread: Encodable {
        let median: Int64
        let p99: Int64
        init(_ distribution: Distribution) {
          median = distribution.median
          p99 = distribution.p99
        }
      }
      struct Lateness: Encodable {
        let aio: Spread
        let glib: Spread
        let floor: Spread
      }
      struct Engine: Encodable {
        let engine: String
        let bytes: Int
        let bytesPerSecond: Int
        let bytesMatch: Bool
        let refusal: String?
      }
      struct Iteration: Encodable {
        let fds: Int
        let aio: Int64
        let glib: Int64
      }
      let monitor: String
      let driver: String
      let digestMatches: Bool
      let bytes: Int
      let engines: [Engine]
      let wakeupNs: Spread
      let timerLatenessNs: Lateness
      let iterationNs: [Iteration]
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let output = Output(
      monitor: monitor.rawValue, driver: driver.rawValue, digestMatches: stream.matches,
      bytes: stream.bytes,
      engines: engines.map {
        .init(
          engine: $0.engine.rawValue, bytes: $0.bytes, bytesPerSecond: Int($0.bytesPerSecond),
          bytesMatch: $0.matches, refusal: $0.refusal)
      },
      wakeupNs: .init(wakeup),
      timerLatenessNs: .init(
        aio: .init(aioLateness), glib: .init(glibLateness), floor: .init(floorLateness)),
      iterationNs: iterations.map { .init(fds: $0.descriptors, aio: $0.aio, glib: $0.glib) })
    return String(decoding: try encoder.encode(output), as: UTF8.self)
  }
}
