// One measurement: the contexts, who runs them, and when it is over.

import AioGSource
import CGLib
import Foundation
import Synchronization
import SystemPackage

struct Run {
  let options: AioBench
  let file: BenchFile

  private static let defaultSeconds = 3.0

  func result() throws -> BenchResult {
    let cpu = Self.cpuTime()
    let start = AioClock.realtime.now
    let workers = try options.contexts == 1 ? runHere() : runThreads()
    let nanoseconds = AioClock.realtime.now - start
    for worker in workers {
      if let failure = worker.failure {
        throw BenchError(description: "\(options.file): \(failure)")
      }
    }
    let histogram = Histogram()
    for worker in workers { histogram.add(worker.histogram) }
    return BenchResult(
      options: options, kind: workers[0].kind, monitor: workers[0].context.monitor,
      nanoseconds: nanoseconds, cpuNanoseconds: Self.cpuTime() - cpu, histogram: histogram)
  }

  /// How many operations each context has to do; nil: as many as the time allows.
  private func share(of index: Int) -> Int? {
    options.count.map { $0 / options.contexts + (index < $0 % options.contexts ? 1 : 0) }
  }

  private var deadline: Duration? {
    if options.count != nil && options.seconds == nil { return nil }
    return .seconds(options.seconds ?? Self.defaultSeconds)
  }

  // MARK: One context, on this thread

  private func runHere() throws -> [Worker] {
    let context = try make { try AioContext(name: "bench") }
    let worker = Worker(options, file: file, context: context, index: 0, count: share(of: 0))
    let progress = Progress(options, [worker])
    let loop = MainLoop()
    nonisolated(unsafe) var isOver = false
    let end = context.makeTimer(name: "end") { worker.stop() }
    let ticker = Ticker()
    ticker.timer = context.makeTimer(name: "progress") { [unowned ticker] in
      progress.show()
      if progress.isInterrupted { worker.stop() }
      ticker.timer?.arm(after: Progress.interval)
    }
    ticker.timer?.arm(after: Progress.interval)
    if let deadline { end.arm(after: deadline) }
    if options.driver == .glib { try make { try context.attach() } }
    worker.start(options.engine) {
      isOver = true
      if options.driver == .glib { loop.quit() }
    }
    if !isOver {
      switch options.driver {
      case .glib: loop.run()
      case .poll: while !isOver { context.poll(blocking: true) }
      }
    }
    ticker.timer = nil
    end.cancel()
    context.detach()
    try progress.end()
    return [worker]
  }

  /// A timer that its own callback arms again.
  private final class Ticker: @unchecked Sendable {
    var timer: AioTimer?
  }

  // MARK: Several contexts, a thread each

  private func runThreads() throws -> [Worker] {
    let threads = try (0..<options.contexts).map { index in
      try make { try IOThread(name: "bench-\(index)", configuration: .init()) }
    }
    defer { for thread in threads { thread.stop() } }
    if options.driver == .glib {
      for thread in threads { _ = try make { try thread.mainContext() } }
    }
    let workers = threads.enumerated().map { index, thread in
      Worker(options, file: file, context: thread.context, index: index, count: share(of: index))
    }
    let progress = Progress(options, workers)
    let ended = DispatchSemaphore(value: 0)
    for worker in workers {
      worker.context.schedule(name: "start") {
        worker.start(options.engine) { ended.signal() }
      }
    }
    let end = deadline.map { ContinuousClock.now + $0 }
    for _ in workers {
      while ended.wait(timeout: .now() + Progress.seconds) == .timedOut {
        progress.show()
        if progress.isInterrupted || end.map({ $0 <= .now }) ?? false {
          for worker in workers { worker.stop() }
        }
      }
    }
    try progress.end()
    return workers
  }

  private func make<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      throw BenchError(description: "\(error)")
    }
  }

  /// Of the whole process, in nanoseconds.
  private static func cpuTime() -> Int64 {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
    return Int64(seconds) * 1_000_000_000 + Int64(microseconds) * 1_000
  }
}
