// Contract 22.

import AioGSource
import CGLib
import Glibc
import Synchronization
import Testing

extension AllTests {
  @Suite struct IOThreadTests {
    private static func configuration(_ monitor: MonitorKind) -> AioContext.Configuration {
      .init(monitor: .demanded(monitor), polling: .ioThread)
    }

    @Test(arguments: Combination.monitors)
    func itRunsItsContextAndEndsCleanly(_ monitor: MonitorKind) throws {
      // What the process opens once and for all is open after the first.
      try IOThread(name: "first", configuration: Self.configuration(monitor)).stop()
      let descriptors = openDescriptors()
      let threads = threadCount()
      for _ in 0..<5 {
        let thread = try IOThread(name: "worker", configuration: Self.configuration(monitor))
        #expect(thread.context.monitor == monitor)
        let ran = Counter()
        let isCurrent = Flag()
        thread.context.schedule {
          if AioContext.current === thread.context { isCurrent.set() }
          ran.increment()
        }
        let end = monotonicNow() + 5_000_000_000
        while ran.value == 0 && monotonicNow() < end { sleep(milliseconds: 0.1) }
        #expect(ran.value == 1)
        #expect(isCurrent.isSet)
        thread.stop()
        thread.stop()
      }
      #expect(threadsComeDown(to: threads))
      #expect(openDescriptors() == descriptors)
    }

    @Test(arguments: Combination.monitors)
    func lettingGoStopsIt(_ monitor: MonitorKind) throws {
      let threads = threadCount()
      for _ in 0..<5 {
        _ = try IOThread(name: "worker", configuration: Self.configuration(monitor))
      }
      #expect(threadsComeDown(to: threads))
    }

    @Test(arguments: Combination.monitors)
    func whatWasScheduledBeforeTheStopRuns(_ monitor: MonitorKind) throws {
      let thread = try IOThread(name: "worker", configuration: Self.configuration(monitor))
      let ran = Counter()
      for _ in 0..<1_000 { thread.context.schedule { ran.increment() } }
      thread.stop()
      #expect(ran.value == 1_000)
      // And what comes later is for us.
      thread.context.schedule { ran.increment() }
      thread.context.poll(blocking: false)
      #expect(ran.value == 1_001)
    }

    @Test(arguments: Combination.monitors)
    func askedForItsMainContextItRunsThatToo(_ monitor: MonitorKind) throws {
      let thread = try IOThread(name: "worker", configuration: Self.configuration(monitor))
      sleep(milliseconds: 5)
      let mainContext = try thread.mainContext()
      let ran = Counter()
      let source = g_idle_source_new()!
      g_source_set_callback(
        source,
        { data in
          Unmanaged<Counter>.fromOpaque(data!).takeUnretainedValue().increment()
          return 0
        }, Unmanaged.passUnretained(ran).toOpaque(), nil)
      g_source_attach(source, mainContext.pointer)
      g_source_unref(source)
      thread.context.schedule { ran.increment() }
      let end = monotonicNow() + 5_000_000_000
      while ran.value < 2 && monotonicNow() < end { sleep(milliseconds: 0.1) }
      #expect(ran.value == 2)
      // It stands in g_main_loop_run now.
      thread.stop()
      #expect(throws: AioError.stopped) { try thread.mainContext() }
    }

    @Test(arguments: Combination.monitors)
    func letGoOfInItsOwnCallbackItEnds(_ monitor: MonitorKind) throws {
      let threads = threadCount()
      for usesMainContext in [false, true] {
        let box = Box<IOThread?>(nil)
        box.value = try IOThread(name: "worker", configuration: Self.configuration(monitor))
        if usesMainContext {
          _ = try box.value!.mainContext()
          sleep(milliseconds: 5)
        }
        box.value!.context.schedule { box.value = nil }
        let end = monotonicNow() + 5_000_000_000
        while threadCount() > threads && monotonicNow() < end { sleep(milliseconds: 1) }
        #expect(box.value == nil)
        #expect(threadsComeDown(to: threads))
      }
    }

    @Test(arguments: Combination.monitors)
    func itStopsThoughItsContextWasDetachedByHand(_ monitor: MonitorKind) throws {
      weak var observed: AioContext?
      do {
        let thread = try IOThread(name: "worker", configuration: Self.configuration(monitor))
        observed = thread.context
        let ran = Counter()
        let source = idleSource(ran)
        g_source_attach(source, try thread.mainContext().pointer)
        g_source_unref(source)
        // Then it stands in g_main_loop_run.
        let end = monotonicNow() + 5_000_000_000
        while ran.value == 0 && monotonicNow() < end { sleep(milliseconds: 0.1) }
        #expect(ran.value == 1)
        thread.context.detach()
        thread.context.schedule { ran.increment() }
        thread.stop()
        #expect(ran.value == 2)
      }
      #expect(observed == nil)
    }

    @Test(arguments: Combination.monitors)
    func letGoOfInItsOwnCallbackItRunsWhatWasScheduled(_ monitor: MonitorKind) throws {
      let threads = threadCount()
      let ran = Counter()
      let box = Box<IOThread?>(nil)
      box.value = try IOThread(name: "worker", configuration: Self.configuration(monitor))
      let context = box.value!.context
      context.schedule {
        AioContext.current?.schedule { ran.increment() }
        box.value = nil
      }
      #expect(threadsComeDown(to: threads))
      #expect(ran.value == 1)
    }

    @Test func parametersAreCheckedAndChangeLive() throws {
      let thread = try IOThread(name: "worker")
      #expect(thread.context.polling == .ioThread)
      #expect(throws: AioError.self) {
        try thread.setPolling(.init(maximum: .nanoseconds(-5)))
      }
      #expect(thread.context.polling == .ioThread)
      try thread.setPolling(.init(maximum: .microseconds(5), grow: 3, shrink: 2))
      #expect(thread.context.polling.grow == 3)
      thread.stop()
    }

    @Test func stoppingItselfTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let thread = try IOThread(name: "suicidal")
        thread.context.schedule { thread.stop() }
        usleep(5_000_000)
      }
      expectSentence("IOThread 'suicidal' cannot stop itself", in: result)
    }

    @Test(arguments: Combination.monitors)
    func fiveScheduleOnEachOtherForTenSecondsWithoutLoss(_ monitor: MonitorKind) throws {
      let seconds = monitor == .ioURing || Combination.monitors.count == 2 ? 10.0 : 3.0
      let threads = try (0..<5).map {
        try IOThread(name: "peer \($0)", configuration: Self.configuration(monitor))
      }
      let scheduled = Counter()
      let ran = Counter()
      let isOver = Flag()
      let longest = Atomic64()
      @Sendable func hop(_ index: Int, _ random: UInt32) {
        let next = random &* 1_664_525 &+ 1_013_904_223
        let target = Int(next >> 16) % threads.count
        scheduled.increment()
        let sent = monotonicNow()
        threads[target].context.schedule {
          longest.raise(to: monotonicNow() - sent)
          ran.increment()
          if !isOver.isSet { hop(target, next) }
        }
      }
      for index in 0..<20 { hop(index % 5, UInt32(index * 977 + 1)) }
      sleep(milliseconds: seconds * 1000)
      isOver.set()
      let end = monotonicNow() + 10_000_000_000
      while ran.value < scheduled.value && monotonicNow() < end { sleep(milliseconds: 1) }
      #expect(ran.value == scheduled.value)
      #expect(ran.value > 1_000)
      #expect(longest.value < 5_000_000_000)
      for thread in threads { thread.stop() }
    }
  }
}

/// A GLib source that counts once.
private func idleSource(_ counter: Counter) -> UnsafeMutablePointer<GSource> {
  let source = g_idle_source_new()!
  g_source_set_callback(
    source,
    { data in
      Unmanaged<Counter>.fromOpaque(data!).takeUnretainedValue().increment()
      return 0
    }, Unmanaged.passRetained(counter).toOpaque(),
    { Unmanaged<AnyObject>.fromOpaque($0!).release() })
  return source
}

/// The largest value seen, from any thread.
private final class Atomic64: Sendable {
  private let stored = Atomic<Int64>(0)
  var value: Int64 { stored.load(ordering: .acquiring) }
  func raise(to value: Int64) { _ = stored.max(value, ordering: .relaxed) }
}
