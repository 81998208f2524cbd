// How a run ended, in words: for the window, and on the standard output.

import AioGSource
import Foundation
import SystemPackage

enum Outcome {
  case digest(String)
  case cancelled
  case failure(String)
}

struct Report {
  let path: FilePath
  let outcome: Outcome
  /// Bytes.
  let digested: Int64
  let size: Int64
  let nanoseconds: Int64
  let engine: AIOEngine.Kind
  let meter: FrameMeter

  var speed: String {
    let seconds = Double(max(nanoseconds, 1)) / 1e9
    return String(format: "%.2f s, ", seconds) + Text.rate(Double(digested) / seconds)
      + ", \(engine)"
  }

  func print() {
    let result =
      switch outcome {
      case .digest(let digest): "sha256: \(digest)"
      case .cancelled: "cancelled"
      case .failure(let reason): "failed: \(reason)"
      }
    let text = """
      file: \(path)
      \(result)
      bytes: \(digested) of \(size)
      speed: \(speed)
      engine: \(engine)
      worst frame: \(Text.lateness(meter.worst)) of \(meter.frames) frames

      """
    // At once, whatever the standard output is; that nobody reads it is no reason to end.
    _ = try? FileDescriptor.standardOutput.writeAll(text.utf8)
  }
}

enum Text {
  static func amount(_ bytes: Int64, of size: Int64) -> String {
    "\(mebibytes(bytes)) of \(mebibytes(size)) MiB"
  }

  static func rate(_ bytesPerSecond: Double) -> String {
    String(format: "%.0f MB/s", bytesPerSecond / 1e6)
  }

  static func lateness(_ nanoseconds: Int64) -> String {
    String(format: "%.1f ms late", Double(nanoseconds) / 1e6)
  }

  private static func mebibytes(_ bytes: Int64) -> String {
    String(format: bytes < 100 << 20 ? "%.1f" : "%.0f", Double(bytes) / Double(1 << 20))
  }
}
