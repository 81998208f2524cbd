// What a context tells about itself.

import CLiburing

/// Counts kept by the home thread as it goes.
struct Counters {
  var iterations = 0
  var waits = 0
  var passes = 0
  var handlersRun = 0
}

extension AioContext {
  /// What a context has done since it was made, and what it has registered.
  public struct Statistics: Hashable, Sendable {
    /// Times GLib asked the context to prepare.
    public var iterations: Int
    /// Passes run, by either driver.
    public var passes: Int
    /// Times ``AioContext/poll(blocking:)`` got ready to sleep.
    public var waits: Int
    /// Writes to the event notifier.
    public var wakeUpsSent: Int
    /// Notifications that needed no write. Approximate: two threads that notify at the same moment may count as one.
    public var wakeUpsSkipped: Int
    /// Bottom halves that ran.
    public var bottomHalvesRun: Int
    /// Handlers that were served.
    public var handlersRun: Int
    /// Timers that ran.
    public var timersRun: Int
    /// Jobs of tasks and actors that ran.
    public var jobsRun: Int
    /// Times busy polling found work.
    public var pollingHits: Int
    /// Handlers that are registered.
    public var handlers: Int
    /// Timers that are armed.
    public var timers: Int
  }

  /// Home thread, for exact counts.
  public var statistics: Statistics {
    Statistics(
      iterations: counters.iterations,
      passes: counters.passes,
      waits: counters.waits,
      wakeUpsSent: notifyState.wakeUpsSent,
      wakeUpsSkipped: notifyState.wakeUpsSkipped,
      bottomHalvesRun: bottomHalves.callbacksRun,
      handlersRun: counters.handlersRun,
      timersRun: timers.all.reduce(0) { $0 + $1.callbacksRun },
      jobsRun: jobs.jobsRun,
      pollingHits: busyPolling.hits,
      handlers: handlers.count,
      timers: timers.all.reduce(0) { $0 + $1.count })
  }
}

extension AioContext: CustomStringConvertible, CustomDebugStringConvertible {
  /// The name and the monitor.
  public var description: String {
    "AioContext '\(name)' (\(monitor.rawValue))"
  }

  /// Every handler, bottom half and timer, a line each. Home thread.
  public var debugDescription: String {
    var lines = [description]
    var rows: [String] = []
    handlers.visit { handler in
      if handler.pointee.role == .user { rows.append(Self.describe(handler)) }
    }
    lines += rows.sorted()
    lines += bottomHalves.describe().map { "  bottom half '\($0.name)': \($0.state)" }
    for list in timers.all {
      let now = list.now
      lines += list.describe().map {
        "  timer '\($0.name)': due in \($0.deadline - now) ns on the \(list.clock) clock"
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func describe(_ handler: Handler) -> String {
    var words: [String] = []
    if handler.pointee.callbacks.onReadable != nil { words.append("readable") }
    if handler.pointee.callbacks.onWritable != nil { words.append("writable") }
    if handler.pointee.callbacks.poll != nil { words.append("polled") }
    if handler.pointee.isExternal { words.append("external") }
    if handler.pointee.isSuspended { words.append("suspended") }
    return "  handler of fd \(handler.pointee.descriptor): " + words.joined(separator: ", ")
  }
}
