// Counters of one connection, which its context writes and any thread may read.

import Synchronization

/// Relaxed: the counts of one reading need not belong together.
final class Traffic: Sendable {
  private let reads = Count()
  private let writes = Count()
  private let flushes = Count()
  private let other = Count()
  private let errors = Count()
  private let bytesRead = Count()
  private let bytesWritten = Count()
  private let begun = Count()
  private let ended = Count()

  /// One writer, so that adding takes no locked instruction.
  private struct Count: ~Copyable, Sendable {
    private let value = Atomic<UInt64>(0)
    var now: UInt64 { value.load(ordering: .relaxed) }
    func add(_ amount: UInt64) {
      value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
  }

  // MARK: Any thread

  var counters: Counters {
    Counters(
      reads: reads.now, writes: writes.now, flushes: flushes.now, other: other.now,
      errors: errors.now, bytesRead: bytesRead.now, bytesWritten: bytesWritten.now)
  }

  var requestsInFlight: Int {
    let ended = ended.now
    // The two need not be of one moment.
    return max(0, Int(truncatingIfNeeded: begun.now &- ended))
  }

  // MARK: The connection's context

  func requestBegan() { begun.add(1) }
  func requestEnded() { ended.add(1) }
  func failed() { errors.add(1) }
  func flushed() { flushes.add(1) }
  func didOther() { other.add(1) }

  func didRead(_ count: Int) {
    reads.add(1)
    bytesRead.add(UInt64(count))
  }

  func didWrite(_ count: Int) {
    writes.add(1)
    bytesWritten.add(UInt64(count))
  }
}
