// The progress line: on stderr while that is a terminal, drawn anew ten times a second. Main thread only; what the threads
// have done they are asked, a hop each.

import AioGSource
import Foundation
import SystemPackage

final class Progress: @unchecked Sendable {
  private let isShown = isatty(2) != 0
  private let files: Int
  private let digesters: [Digester]
  private let start = AioClock.realtime.now
  private var filesDone = 0

  init(of files: Int, by digesters: [Digester]) {
    self.files = files
    self.digesters = digesters
  }

  func fileIsDone() { filesDone += 1 }

  /// Until the task is cancelled.
  func draw(every interval: Duration, on context: AioContext) async {
    guard isShown else { return }
    for await _ in context.ticks(every: interval) {
      var bytes: Int64 = 0
      for digester in digesters { bytes += await digester.bytes }
      if Task.isCancelled { return }
      let seconds = max(Double(AioClock.realtime.now - start) / 1e9, 1e-3)
      put(
        String(
          format: "\r\u{1B}[K%d of %d files, %.0f MB, %.0f MB/s", filesDone, files,
          Double(bytes) / 1e6, Double(bytes) / 1e6 / seconds))
    }
  }

  /// Makes room for a line, or for the end.
  func clear() {
    if isShown { put("\r\u{1B}[K") }
  }

  private func put(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll(text.utf8)
  }
}
