// Under which a random walk runs: it prints itself as the code that makes it, like the steps.

import Testing

@testable import AioGSource

struct WalkSetting: Hashable, Sendable, CustomTestStringConvertible {
  var driver: Driver
  var monitor: MonitorKind
  var engine: AIOEngine.Kind
  /// How many entries a ring's queues have; nil: what the library asks for.
  var ringEntries: UInt32?

  var testDescription: String { "\(driver.rawValue) over \(monitor), \(engine)" }

  var code: String {
    let entries = ringEntries.map { ", ringEntries: \($0)" } ?? ""
    return
      ".init(driver: .\(driver.rawValue), monitor: .\(monitorName), engine: .\(engineName)\(entries))"
  }

  private var monitorName: String { monitor == .ioURing ? "ioURing" : monitor.rawValue }

  private var engineName: String {
    switch engine {
    case .ioURing: "ioURing"
    case .linuxAIO: "linuxAIO"
    case .threads: "threads"
    }
  }

  /// Each seed has an engine, and its rings are as they are or tiny.
  init(_ combination: Combination, seed: UInt64) {
    let engines = EngineCombination.engines
    driver = combination.driver
    monitor = combination.monitor
    engine = engines[Int(seed % UInt64(engines.count))]
    ringEntries = seed / 3 % 2 == 0 ? nil : 2
  }

  init(
    driver: Driver, monitor: MonitorKind, engine: AIOEngine.Kind, ringEntries: UInt32? = nil
  ) {
    self.driver = driver
    self.monitor = monitor
    self.engine = engine
    self.ringEntries = ringEntries
  }
}
