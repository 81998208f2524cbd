// The checksum, computed on a thread of its own: an actor whose executor is an IOThread's context. What it does takes
// milliseconds, and the main thread has frames to paint.

import AioGSource
import CGtk4

actor Checksum {
  private let thread: IOThread
  nonisolated(unsafe) private let checksum = g_checksum_new(G_CHECKSUM_SHA256)!

  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.context.unownedExecutor }

  init(on thread: IOThread) {
    self.thread = thread
  }

  deinit {
    g_checksum_free(checksum)
  }

  /// Takes the first bytes of a buffer that no request is under way on.
  func update(_ buffer: AIOBuffer, count: Int) {
    buffer.withBytes {
      g_checksum_update(checksum, $0.baseAddress?.assumingMemoryBound(to: guchar.self), count)
    }
  }

  /// In hexadecimal; nothing can be added any more.
  func finish() -> String {
    String(cString: g_checksum_get_string(checksum))
  }
}
