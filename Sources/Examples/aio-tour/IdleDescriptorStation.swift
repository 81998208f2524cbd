// What one iteration costs when one descriptor is active and many are idle: as handlers of the context, and as fd
// sources of GLib's own in a GMainContext beside it.

import AioGSource
import CGLib
import Foundation
import SystemPackage

struct IterationCost {
  let descriptors: Int
  let aio: Int64
  let glib: Int64
}

struct IdleDescriptorStation {
  static let counts = [1, 1_000, 10_000]
  let loop: TourLoop

  func run() throws -> [IterationCost] {
    let room = Self.raiseDescriptorLimit()
    return try Self.counts.map { wanted in
      // Where the machine does not allow so many, as many as it does; the table says how many there were.
      let count = max(1, min(wanted, room))
      let idle = try (0..<count - 1).map { _ in try notifier() }
      let active = try notifier()
      let aio = try costWithHandlers(idle, active)
      let glib = try costWithSources(idle, active)
      return IterationCost(descriptors: count, aio: aio, glib: glib)
    }
  }

  private func notifier() throws -> EventNotifier {
    do {
      return try EventNotifier()
    } catch {
      throw TourError(description: "cannot make descriptors: \(error)")
    }
  }

  /// How many descriptors there may be for the station, with some left for the rest of the process.
  private static func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = min(limit.rlim_max, 20_000)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(limit.rlim_cur) - 200
  }

  private func costWithHandlers(_ idle: [EventNotifier], _ active: EventNotifier) throws -> Int64 {
    let served = Shared(0)
    do {
      for notifier in idle { try loop.context.setHandler(for: notifier, onReadable: { _ in }) }
      try loop.context.setHandler(
        for: active,
        onReadable: {
          $0.testAndClear()
          served.value += 1
        })
    } catch {
      throw TourError(description: "\(error)")
    }
    defer {
      for notifier in idle + [active] { loop.context.removeHandler(for: notifier) }
      // So that the kernel has let go of them before they are closed.
      for _ in 0..<3 { loop.iterate(blocking: false) }
    }
    return try measure { target in
      try? active.set()
      while served.value < target { loop.iterate(blocking: true) }
    }
  }

  private func costWithSources(_ idle: [EventNotifier], _ active: EventNotifier) throws -> Int64 {
    let context = MainContext()
    let served = Shared(0)
    let target = Unmanaged.passUnretained(served).toOpaque()
    let clear: GUnixFDSourceFunc = { descriptor, _, data in
      var value: UInt64 = 0
      _ = read(descriptor, &value, 8)
      Unmanaged<Shared<Int>>.fromOpaque(data!).takeUnretainedValue().value += 1
      return 1
    }
    let sources = (idle + [active]).map { notifier in
      let source = g_unix_fd_source_new(notifier.fileDescriptor.rawValue, G_IO_IN)!
      g_source_set_callback(source, unsafeBitCast(clear, to: GSourceFunc.self), target, nil)
      g_source_attach(source, context.pointer)
      return source
    }
    defer {
      for source in sources {
        g_source_destroy(source)
        g_source_unref(source)
      }
    }
    return try measure { target in
      try? active.set()
      while served.value < target { context.iteration(mayBlock: true) }
    }
  }

  /// The median of single rounds, as many as fit into 150 ms, five at the least.
  private func measure(_ round: (Int) -> Void) throws -> Int64 {
    for target in 1...3 { round(target) }
    var samples: [Int64] = []
    let end = AioClock.realtime.now + 150_000_000
    while samples.count < 5 || AioClock.realtime.now < end {
      let start = AioClock.realtime.now
      round(samples.count + 4)
      samples.append(AioClock.realtime.now - start)
      if samples.count % 64 == 0 { try loop.checkInterrupt() }
    }
    return Distribution(samples).median
  }
}
