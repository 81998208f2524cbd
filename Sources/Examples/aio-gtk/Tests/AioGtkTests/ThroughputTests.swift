// What the graph is drawn from.

import Testing

@testable import aio_gtk

@Suite struct ThroughputTests {
  private func check(
    _ throughput: Throughput, bytes: Int64, duration: Int64,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let spans = throughput.spans
    #expect(spans.reduce(0) { $0 + $1.bytes } == bytes, sourceLocation: sourceLocation)
    #expect(spans.reduce(0) { $0 + $1.duration } == duration, sourceLocation: sourceLocation)
    #expect(spans.last?.end == bytes, sourceLocation: sourceLocation)
    for (one, next) in zip(spans, spans.dropFirst()) {
      #expect(next.end - one.end == next.bytes, sourceLocation: sourceLocation)
    }
  }

  @Test func aSpanTakesTheResolutionAtLeast() {
    var throughput = Throughput(at: 0)
    let isNew = (1...10).map { throughput.record(Int64($0) * 100, at: Int64($0) * 16_000_000) }
    #expect(isNew == [false, false, false, true, false, false, false, true, false, false])
    #expect(throughput.spans.map(\.rate) == [6250, 6250])
    check(throughput, bytes: 800, duration: 128_000_000)
  }

  @Test func aRateIsBytesASecond() {
    var throughput = Throughput(at: 1_000_000_000)
    #expect(throughput.current == 0)
    _ = throughput.record(300, at: 2_000_000_000)
    _ = throughput.record(400, at: 3_000_000_000)
    #expect(throughput.current == 100)
    #expect(throughput.peak == 300)
  }

  @Test func aLongRunFitsAndLosesNothing() {
    var throughput = Throughput(at: 0)
    let (step, count): (Int64, Int64) = (50_000_000, 100_000)
    for index in 1...count { _ = throughput.record(index * 7, at: index * step) }
    throughput.end(count * 7 + 1, at: count * step + 1)
    #expect((64..<256).contains(throughput.spans.count))
    check(throughput, bytes: count * 7 + 1, duration: count * step + 1)
    #expect(throughput.resolution > 50_000_000)
  }

  @Test func aShortRunIsOneSpan() {
    var throughput = Throughput(at: 0)
    throughput.end(1000, at: 1_000_000)
    check(throughput, bytes: 1000, duration: 1_000_000)
    #expect(throughput.spans.count == 1)
  }

  @Test func theEndOfARunWithoutBytesIsNoSpan() {
    var throughput = Throughput(at: 0)
    throughput.end(0, at: 1_000_000)
    #expect(throughput.spans.isEmpty)
  }
}
