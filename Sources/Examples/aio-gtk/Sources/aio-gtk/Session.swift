// What goes on in the window: a file is digested, shown once a frame, cancelled, and reported. One at a time. Main actor.

import AioGSource
import CGtk4
import SystemPackage

@MainActor final class Session {
  private let window: Window
  private let context: AioContext
  private let worker: IOThread
  private let quitsWhenDone: Bool
  private var run: Run?
  private var isClosing = false
  /// What the last run came to.
  private(set) var outcome: Outcome?

  init(in window: Window, on context: AioContext, with worker: IOThread, quitsWhenDone: Bool) {
    self.window = window
    self.context = context
    self.worker = worker
    self.quitsWhenDone = quitsWhenDone
    window.onFile = { [unowned self] in begin($0) }
    window.onCancel = { [unowned self] in run?.task.cancel() }
    window.onFrame = { [unowned self] in frame($0) }
    window.staysOpen = { [unowned self] in
      // Until the read that is under way has come back: it holds a buffer, and the context.
      isClosing = run != nil
      run?.task.cancel()
      return isClosing
    }
  }

  func begin(_ path: FilePath) {
    if run != nil { return }
    let digest = Digest(of: path, with: context.io, on: worker)
    let task = Task { end(await carryOut(digest)) }
    let now = AioClock.realtime.now
    run = Run(
      digest: digest, task: task, start: now, meter: FrameMeter(at: now),
      throughput: Throughput(at: now))
    window.begin(path)
  }

  private func carryOut(_ digest: Digest) async -> Outcome {
    do {
      return .digest(try await digest.run())
    } catch Errno.canceled {
      return .cancelled
    } catch {
      return .failure("\(error)")
    }
  }

  private func frame(_ clock: OpaquePointer) {
    guard var run else { return }
    let now = AioClock.realtime.now
    var interval: gint64 = 0
    gdk_frame_clock_get_refresh_info(clock, 0, &interval, nil)
    run.meter.frame(at: now, interval: Int64(interval) * 1000)
    window.show(part: run.partDone)
    // Words and figures that change in every frame nobody can read.
    if run.throughput.record(run.digest.digested, at: now) { show(run) }
    self.run = run
  }

  private func end(_ outcome: Outcome) {
    guard var run else { return }
    self.run = nil
    let now = AioClock.realtime.now
    run.meter.end(at: now)
    run.throughput.end(run.digest.digested, at: now)
    window.end(outcome)
    window.show(part: run.partDone)
    show(run)
    let report = Report(
      path: run.digest.path, outcome: outcome, digested: run.digest.digested,
      size: run.digest.size, nanoseconds: now - run.start, engine: context.io.kind,
      meter: run.meter)
    window.show(rate: report.speed)
    report.print()
    self.outcome = outcome
    if isClosing || quitsWhenDone { window.close() }
  }

  private func show(_ run: Run) {
    let throughput = run.throughput
    window.graph.show(throughput, of: run.digest.size)
    window.show(amount: Text.amount(run.digest.digested, of: run.digest.size))
    window.show(
      rate: "\(Text.rate(throughput.current)), peak \(Text.rate(throughput.peak)), "
        + "\(context.io.kind)")
    window.show(lateness: "worst frame: \(Text.lateness(run.meter.worst))")
  }
}

/// A file under way.
private struct Run {
  let digest: Digest
  let task: Task<Void, Never>
  /// By `AioClock.realtime`.
  let start: Int64
  var meter: FrameMeter
  var throughput: Throughput

  @MainActor var partDone: Double {
    digest.size > 0 ? Double(digest.digested) / Double(digest.size) : 0
  }
}
