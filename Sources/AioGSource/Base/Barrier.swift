// Barriers that Swift has no word for. Any thread.

import CThreadState

enum Barrier {
  /// Keeps the compiler from moving accesses to memory across it, and costs nothing itself.
  @inline(__always)
  static func forCompiler() { aiogs_signal_fence() }

  /// Whether the kernel has `onEveryThread`. Asked once in a process.
  static let isOfferedOnEveryThread = aiogs_membarrier_register() == 0

  /// A full barrier on every thread of the process that is running, this one among them: membarrier(2).
  static func onEveryThread() {
    let status = aiogs_membarrier()
    precondition(status == 0, "membarrier failed with error \(-status)")
  }
}
