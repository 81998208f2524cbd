// The stations of the tour, in the order in which they run, and what is measured at each.

import AioGSource
import Foundation

/// Median and 99th percentile of nanoseconds.
struct Distribution {
  let median: Int64
  let p99: Int64

  init(_ samples: [Int64]) {
    let sorted = samples.sorted()
    median = sorted[sorted.count / 2]
    p99 = sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
  }
}

struct Tour {
  let loop: TourLoop
  let file: String
  let showsProgress: Bool

  func run() throws -> Report {
    var report = Report(
      monitor: loop.context.monitor, driver: loop.driver, file: file)
    progress("streaming \(file) through sha256sum")
    report.stream = try DigestStation(loop: loop, file: file).run()
    progress("reading \(file) through each I/O engine")
    report.engines = try EngineStation(loop: loop, file: file).run()
    progress("waking the loop from another thread")
    report.wakeup = try WakeUpStation(loop: loop).run()
    progress("timing 300 µs timers")
    let lateness = try TimerStation(loop: loop).run()
    report.aioLateness = lateness.aio
    report.glibLateness = lateness.glib
    report.floorLateness = lateness.floor
    progress("counting the cost of idle descriptors")
    report.iterations = try IdleDescriptorStation(loop: loop).run()
    report.timeouts = loop.timeouts
    progress(nil)
    return report
  }

  private func progress(_ text: String?) {
    guard showsProgress, isatty(2) != 0 else { return }
    let line = "\r\u{1B}[K" + (text.map { "… \($0)" } ?? "")
    FileHandle.standardError.write(Data(line.utf8))
  }
}
