// Times as the loop and the kernel have them: nanoseconds in 64 bits, and what the kernel's waits take. Any thread.

import Glibc

extension Duration {
  /// In nanoseconds, rounded up, so that a wait never ends early; saturating.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let roundUp: Int64 = attoseconds > 0 ? 999_999_999 : 0
    let (sum, carry) = product.addingReportingOverflow((attoseconds + roundUp) / 1_000_000_000)
    return carry ? (seconds < 0 ? .min : .max) : sum
  }
}

/// Conversions of a timeout for the kernel's waits: -1 means none.
enum Timeout {
  /// The sooner of two; -1 loses.
  static func sooner(_ first: Int64, _ second: Int64) -> Int64 {
    Int64(bitPattern: min(UInt64(bitPattern: first), UInt64(bitPattern: second)))
  }

  /// Milliseconds for poll(2), rounded up: rounded down, the last one would be a busy loop (contract 11.10).
  static func milliseconds(_ nanoseconds: Int64) -> Int32 {
    if nanoseconds < 0 { return -1 }
    let rounded = nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1)
    return Int32(min(rounded, Int64(Int32.max)))
  }

  /// Seconds are capped at `Int32.max`.
  static func timespec(_ nanoseconds: Int64) -> Glibc.timespec {
    Glibc.timespec(
      tv_sec: Int(min(nanoseconds / 1_000_000_000, Int64(Int32.max))),
      tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}
