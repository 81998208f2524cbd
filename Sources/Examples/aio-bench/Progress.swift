// The line that is shown while a measurement runs, if there is a terminal to show it on, and Ctrl-C.

import AioGSource
import Foundation
import Synchronization

/// Written by the signal's handler, which may do no more than that.
private let wasInterrupted = Atomic<Bool>(false)

final class Progress: Sendable {
  static let seconds = 0.1
  static let interval = Duration.milliseconds(100)

  private let workers: [Worker]
  private let isShown: Bool
  private let total: Int?
  private let start = AioClock.realtime.now

  init(_ options: AioBench, _ workers: [Worker]) {
    self.workers = workers
    isShown = !options.json && isatty(2) != 0
    total = options.count
    signal(SIGINT) { _ in wasInterrupted.store(true, ordering: .relaxed) }
  }

  var isInterrupted: Bool { wasInterrupted.load(ordering: .relaxed) }

  func show() {
    if !isShown { return }
    let done = workers.reduce(0) { $0 + $1.completed }
    let seconds = Double(max(AioClock.realtime.now - start, 1)) / 1e9
    let share = total.map { String(format: "%3d %%, ", done * 100 / max($0, 1)) } ?? ""
    let text = String(
      format: "\r\u{1B}[K%@%.1f s, %d operations, %.0f a second", share, seconds, done,
      Double(done) / seconds)
    FileHandle.standardError.write(Data(text.utf8))
  }

  func end() throws {
    if isShown { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    if isInterrupted { throw Interrupted() }
  }
}
