// The progress bar: a line on stderr, while that is a terminal, drawn anew ten times a second by a timer of the context.

import AioGSource
import Foundation
import SystemPackage

final class Progress: @unchecked Sendable {
  private let copy: Copy
  private let isShown = isatty(2) != 0
  private let start = AioClock.realtime.now
  private var timer: AioTimer?

  init(of copy: Copy, on context: AioContext) {
    self.copy = copy
    if !isShown { return }
    timer = context.makeTimer(name: "progress") { [unowned self] in
      draw()
      timer?.arm(after: .milliseconds(100))
    }
    timer?.arm(after: .milliseconds(100))
  }

  /// Leaves the line if the copy is there; else clears it for the message that comes.
  func end(isWhole: Bool) {
    guard isShown else { return }
    timer?.cancel()
    if isWhole {
      draw(isOver: true)
      put("\n")
    } else {
      put("\r\u{1B}[K")
    }
  }

  private func draw(isOver: Bool = false) {
    let seconds = Double(AioClock.realtime.now - start) / 1e9
    let part = copy.source.size == 0 ? 1 : Double(copy.passed) / Double(copy.source.size)
    let end: String
    if isOver {
      end = "in \(time(seconds))"
    } else if copy.isCompleting {
      end = "waiting for the disk"
    } else {
      end = part > 0 ? "\(time(seconds / part * (1 - part))) left" : ""
    }
    let rate = Double(copy.copied) / max(seconds, 1e-3) / 1e6
    let text = String(format: " %3d%%  %.0f MB/s  ", Int(part * 100), rate) + end
    put("\r\u{1B}[K" + bar(part, room: columns - text.count - 1) + text)
  }

  private func bar(_ part: Double, room: Int) -> String {
    let width = min(room - 2, 40)
    if width < 5 { return "" }
    let full = Int(part * Double(width))
    return "[" + String(repeating: "#", count: full)
      + String(repeating: ".", count: width - full) + "]"
  }

  private func time(_ seconds: Double) -> String {
    let seconds = Int(min(seconds.rounded(.up), 359_999))
    return seconds < 3600
      ? String(format: "%d:%02d", seconds / 60, seconds % 60)
      : String(format: "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60)
  }

  private var columns: Int {
    var size = winsize()
    return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  private func put(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll(text.utf8)
  }
}
