// Barriers that Swift has no word for. Any thread.

import CThreadState
import Glibc

enum Barrier {
  /// Keeps the compiler from moving accesses to memory across it, and costs nothing itself.
  @inline(__always)
  static func forCompiler() { aiogs_signal_fence() }

  /// Whether the kernel has `onEveryThread`. Asked once in a process.
  static let isOfferedOnEveryThread = aiogs_membarrier_register() == 0

  /// A full barrier on every thread of the process that is running, this one among them: membarrier(2).
  ///
  /// A process that has it denied later on, when others may count on it already, waits in its place for as long as no
  /// processor keeps a store to itself.
  static func onEveryThread() {
    if aiogs_membarrier() != 0 { usleep(10_000) }
  }
}
