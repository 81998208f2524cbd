// What counts as late.

import Testing

@testable import aio_gtk

@Suite struct FrameMeterTests {
  private static let interval: Int64 = 16_000_000

  private func meter(_ times: [Int64]) -> FrameMeter {
    var meter = FrameMeter(at: 0)
    for time in times { meter.frame(at: time, interval: Self.interval) }
    return meter
  }

  @Test func framesOnTimeAreNotLate() {
    let meter = meter([10_000_000, 26_000_000, 42_000_000, 50_000_000])
    #expect(meter.worst == 0)
    #expect(meter.frames == 4)
  }

  @Test func theWorstIsTheLongestDistanceLessTheInterval() {
    #expect(meter([16_000_000, 40_000_000, 59_000_000]).worst == 8_000_000)
  }

  @Test func theFirstFrameCanBeLate() {
    #expect(meter([20_000_000, 36_000_000]).worst == 4_000_000)
  }

  @Test func aFrameThatNeverCameIsLate() {
    var meter = meter([16_000_000])
    meter.end(at: 132_000_000)
    #expect(meter.worst == 100_000_000)
    #expect(meter.frames == 1)
  }
}
