// What a row of the table is: ours, and what it is compared with. The rows themselves stand in Rows+….swift.

import BenchReport

/// Which CPUs a row's programs run on. A wake-up that crosses CPUs costs ten times one that does not, and where the
/// kernel puts a thread is luck: whatever wakes something up is pinned, ours and the peer's alike.
enum Pinning: Sendable {
  /// `taskset -c 0`.
  case oneCPU
  /// The program pins its two threads, to CPU 0 and CPU 1.
  case twoCPUs
  case free
}

struct Row: Sendable {
  let name: String
  var unit = Unit.nanoseconds
  var pinning = Pinning.oneCPU
  let ours: Command
  let peers: [Peer]
  /// Runs of each that are not counted, before the others: for servers, which stay between runs.
  var warmUps = 0
}

struct Peer: Sendable {
  /// As the JSON has it: GLib, libuv, liburing, qemu-img …
  let name: String
  /// What the ratio has to be at least, for `--check`.
  var bar: Double? = nil
  let command: Command
}

/// All rows, in the order of the table.
let allRows = loopRows + taskRows + ioRows + serverRows
