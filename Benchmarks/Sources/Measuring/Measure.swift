// Taking the time, and what every measuring program needs. As Benchmarks/peers/measure.h does it for the peers.

import Glibc

/// Nanoseconds by CLOCK_MONOTONIC.
public func now() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

public let isQuick = CommandLine.arguments.contains("--quick")

/// How long what is measured should take, in nanoseconds.
public let target: Double = isQuick ? 60e6 : 200e6

/// The row that the program was asked for; ends the program if there is none.
public func rowOfCommandLine() -> String {
  guard CommandLine.arguments.count > 1 else {
    complain("usage: \(programName) ROW [--quick]")
    exit(64)
  }
  return CommandLine.arguments[1]
}

/// Ends the program with a sentence.
public func fail(_ sentence: String) -> Never {
  complain("\(programName): \(sentence)")
  exit(1)
}

public func check(_ condition: Bool, _ sentence: @autoclosure () -> String) {
  if !condition { fail(sentence()) }
}

/// Nanoseconds an operation: `body` runs so many. It is run for a fifth of the time to warm up, and to see how many of
/// them make up the time.
public func perOperation(_ body: (Int) throws -> Void) rethrows -> Double {
  var calibration = Calibration()
  while !calibration.isDone {
    let start = now()
    try body(calibration.count)
    calibration.took(now() - start)
  }
  let start = now()
  try body(calibration.count)
  return Double(now() - start) / Double(calibration.count)
}

/// How many operations make up the time.
struct Calibration {
  private(set) var count = 1
  private(set) var isDone = false

  /// So many took that long, in nanoseconds.
  mutating func took(_ elapsed: Int64) {
    isDone = Double(elapsed) >= target / 5
    count = isDone ? max(Int(Double(count) * target / Double(elapsed)), 1) : count * 2
  }
}

public func median(_ values: [Int64]) -> Double {
  check(!values.isEmpty, "there is nothing to take the median of")
  return Double(values.sorted()[values.count / 2])
}

/// Marsaglia's generator, the same as the peers': what is random is the same on both sides.
public struct Random {
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  public init() {}

  public mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

private let programName =
  CommandLine.arguments[0].split(separator: "/").last.map(String.init) ?? "measure"

private func complain(_ sentence: String) {
  let line = sentence + "\n"
  _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
}
