// The course of a run, for the graph: how fast it was where. A value that is told the count of bytes from time to time.

struct Throughput {
  /// A stretch of the file.
  struct Span {
    /// Where it ends, in bytes.
    var end: Int64
    /// How many bytes it has, and how long they took in nanoseconds.
    var bytes: Int64
    var duration: Int64

    /// Bytes a second.
    var rate: Double { Double(bytes) / Double(max(duration, 1)) * 1e9 }
  }

  private static let largestCount = 256

  /// From the start of the file to where it has come.
  private(set) var spans: [Span] = []
  /// How long a span takes at least, in nanoseconds. It doubles when there are too many, so that any run fits.
  private(set) var resolution: Int64 = 50_000_000
  private var last: (bytes: Int64, time: Int64)

  init(at time: Int64) {
    last = (0, time)
  }

  var current: Double { spans.last?.rate ?? 0 }
  var peak: Double { spans.reduce(0) { max($0, $1.rate) } }

  /// True if there is a new span.
  mutating func record(_ bytes: Int64, at time: Int64) -> Bool {
    if time - last.time < resolution { return false }
    spans.append(Span(end: bytes, bytes: bytes - last.bytes, duration: time - last.time))
    last = (bytes, time)
    if spans.count >= Self.largestCount { halve() }
    return true
  }

  /// What is left of the last span, which may be a short one.
  mutating func end(_ bytes: Int64, at time: Int64) {
    if bytes == last.bytes { return }
    var rest = Span(end: bytes, bytes: bytes - last.bytes, duration: time - last.time)
    // Too short to tell anything by itself.
    if let before = spans.popLast() {
      rest.bytes += before.bytes
      rest.duration += before.duration
    }
    spans.append(rest)
    last = (bytes, time)
  }

  /// Two neighbours become one.
  private mutating func halve() {
    resolution *= 2
    spans = stride(from: 0, to: spans.count - 1, by: 2).map { index in
      let (first, second) = (spans[index], spans[index + 1])
      return Span(
        end: second.end, bytes: first.bytes + second.bytes,
        duration: first.duration + second.duration)
    }
  }
}
