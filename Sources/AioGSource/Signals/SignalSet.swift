// Which signals, as a mask: signal n is bit n - 1.

import Glibc

struct SignalSet: Hashable, Sendable {
  static let numbers: ClosedRange<CInt> = 1...64

  var bits: UInt64 = 0

  init() {}

  /// Nil if there is none, or one among them that no handler can be set for, or that none can return from: a thread's
  /// own faults, which would come again for ever.
  init?(_ numbers: some Sequence<CInt>) {
    for number in numbers {
      guard Self.numbers.contains(number), !Self.refused.contains(number) else { return nil }
      bits |= Self.bit(number)
    }
    if bits == 0 { return nil }
  }

  private static let refused = [SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL]

  @inline(__always)
  static func bit(_ number: CInt) -> UInt64 { 1 &<< UInt64(truncatingIfNeeded: number &- 1) }

  func contains(_ number: CInt) -> Bool { bits & Self.bit(number) != 0 }
}
