// Timers of 300 µs: the context's, GLib's with the same ready time, and a bare clock_nanosleep(2), which is as soon as
// this machine wakes a thread. By turns, so that a busy moment hits all three.

import AioGSource
import CGLib
import Foundation

struct TimerStation {
  static let rounds = 200
  static let delay: Int64 = 300_000
  let loop: TourLoop

  func run() throws -> (aio: Distribution, glib: Distribution, floor: Distribution) {
    var aio: [Int64] = []
    var glib: [Int64] = []
    var floor: [Int64] = []
    let glibTimer = ReadyTimeSource()
    let fired = Shared<Int64>(0)
    let timer = loop.context.makeTimer(name: "300 µs") { fired.value = AioClock.realtime.now }
    for _ in 0..<Self.rounds {
      fired.value = 0
      let deadline = AioClock.realtime.now + Self.delay
      timer.arm(at: deadline)
      while fired.value == 0 { loop.iterate(blocking: true) }
      aio.append(fired.value - deadline)

      glib.append(glibTimer.lateness(after: Self.delay, in: loop.mainContext))

      let wake = AioClock.realtime.now + Self.delay
      var time = timespec(tv_sec: Int(wake / 1_000_000_000), tv_nsec: Int(wake % 1_000_000_000))
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil)
      floor.append(AioClock.realtime.now - wake)
      try loop.checkInterrupt()
    }
    return (Distribution(aio), Distribution(glib), Distribution(floor))
  }
}

/// A GSource that is nothing but a ready time.
private final class ReadyTimeSource {
  private let source: UnsafeMutablePointer<GSource>
  private let fired = Shared<Int64>(0)

  nonisolated(unsafe) private static let functions: UnsafeMutablePointer<GSourceFuncs> = {
    let functions = UnsafeMutablePointer<GSourceFuncs>.allocate(capacity: 1)
    functions.initialize(to: GSourceFuncs())
    functions.pointee.dispatch = { source, callback, data in
      g_source_set_ready_time(source, -1)
      return callback?(data) ?? 1
    }
    return functions
  }()

  init() {
    source = g_source_new(Self.functions, guint(MemoryLayout<GSource>.stride))!
    g_source_set_callback(
      source,
      { data in
        Unmanaged<Shared<Int64>>.fromOpaque(data!).takeUnretainedValue().value =
          AioClock.realtime.now
        return 1
      }, Unmanaged.passRetained(fired).toOpaque(),
      { Unmanaged<AnyObject>.fromOpaque($0!).release() })
    g_source_attach(source, nil)
  }

  deinit {
    g_source_destroy(source)
    g_source_unref(source)
  }

  func lateness(after delay: Int64, in context: MainContext) -> Int64 {
    fired.value = 0
    // GLib's microseconds, on the same monotonic clock.
    let deadline = (AioClock.realtime.now + delay) / 1_000
    g_source_set_ready_time(source, gint64(deadline))
    while fired.value == 0 { context.iteration(mayBlock: true) }
    return fired.value - deadline * 1_000
  }
}
