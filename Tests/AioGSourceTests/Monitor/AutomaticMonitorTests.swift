// What a context waits with that was left to choose: poll for two descriptors, epoll for more, a ring with requests or busy
// polling.

import CTestSupport
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct AutomaticMonitorTests {
    private static let hasRing = !aiogs_test_denies_io_uring()

    /// A context that was left to choose, in a loop of either kind.
    private struct Loop {
      let context: AioContext
      let mainContext = MainContext()
      let driver: Driver

      init(_ driver: Driver, polling: PollingParameters = .disabled) throws {
        context = try AioContext(configuration: .init(polling: polling))
        self.driver = driver
        if driver == .glib { try context.attach(to: mainContext) }
      }

      func iterate() {
        _ =
          driver == .glib ? mainContext.iteration(mayBlock: false) : context.poll(blocking: false)
      }
    }

    @Test(arguments: Driver.allCases)
    func twoDescriptorsArePollsAndMoreAreEpolls(_ driver: Driver) throws {
      let loop = try Loop(driver)
      let context = loop.context
      defer { context.detach() }
      #expect(context.monitor == .poll)
      let notifiers = try (0..<4).map { _ in try EventNotifier(active: true) }
      defer { for notifier in notifiers { context.removeHandler(for: notifier) } }
      let served = Log()
      for (index, notifier) in notifiers.enumerated() {
        try context.setHandler(
          for: notifier,
          onReadable: {
            $0.testAndClear()
            served.add("\(index)")
          })
        for _ in 0..<2 { loop.iterate() }
        #expect(context.monitor == (index < 2 ? .poll : .epoll))
      }
      #expect(served.value == ["0", "1", "2", "3"])
    }

    @Test(arguments: Driver.allCases)
    func requestsMoveItToTheirRing(_ driver: Driver) throws {
      let loop = try Loop(driver)
      let context = loop.context
      defer { context.detach() }
      let served = Counter()
      let notifier = try EventNotifier()
      try context.setHandler(
        for: notifier,
        onReadable: {
          $0.testAndClear()
          served.increment()
        })
      defer { context.removeHandler(for: notifier) }
      loop.iterate()
      #expect(context.monitor == .poll)
      guard Self.hasRing else {
        #expect(throws: AioError.self) { try context.engine(.ioURing) }
        loop.iterate()
        #expect(context.monitor == .poll)
        return
      }
      // One that the ring has before the monitor does, and that ends after.
      let pair = Pair.pipe()
      let result = Box<Result<Int, Errno>?>(nil)
      let buffer = AIOBuffer(count: 8)
      let engine = try context.engine(.ioURing)
      engine.read(from: pair.reader, into: buffer) { result.value = $0 }
      try notifier.set()
      loop.iterate()
      loop.iterate()
      #expect(context.monitor == .ioURing)
      #expect((context.activeMonitor as? RingMonitor)?.ring === Self.ring(of: context))
      #expect(served.value == 1)
      #expect(result.value == nil)
      pair.write()
      try notifier.set()
      let end = monotonicNow() + 5_000_000_000
      while (result.value == nil || served.value < 2) && monotonicNow() < end { loop.iterate() }
      #expect(result.value == .success(1))
      #expect(served.value == 2)
      // Which waits for it by its descriptor no more.
      let descriptor = try #require(Self.ring(of: context)).descriptor
      #expect(context.handlers.handler(for: descriptor) == nil)
    }

    private static func ring(of context: AioContext) -> Ring? {
      (context.loopIO as? ContextIO)?.ringBackend?.ring
    }

    @Test func aNestedPassLeavesThatToTheOutermost() throws {
      guard Self.hasRing else { return }
      let context = try AioContext()
      let seen = Log()
      context.schedule {
        _ = try? context.engine(.ioURing)
        context.poll(blocking: false)
        seen.add(context.monitor.rawValue)
      }
      context.poll(blocking: false)
      seen.add(context.monitor.rawValue)
      context.poll(blocking: false)
      seen.add(context.monitor.rawValue)
      #expect(seen.value == ["poll", "poll", "io_uring"])
    }

    @Test(arguments: Driver.allCases)
    func handlersAddedDuringTheMoveAreAllServed(_ driver: Driver) throws {
      for _ in 0..<20 {
        let loop = try Loop(driver)
        let context = loop.context
        defer { context.detach() }
        loop.iterate()
        let notifiers = try (0..<40).map { _ in try EventNotifier(active: true) }
        let served = Counter()
        let thread = TestThread {
          for (index, notifier) in notifiers.enumerated() {
            if index == 20 { try? context.setPolling(.init(maximum: .microseconds(1))) }
            try? context.setHandler(
              for: notifier,
              onReadable: {
                $0.testAndClear()
                served.increment()
              })
          }
        }
        let end = monotonicNow() + 5_000_000_000
        while served.value < 40 && monotonicNow() < end { loop.iterate() }
        thread.join()
        #expect(served.value == 40)
        loop.iterate()
        #expect(context.monitor == (Self.hasRing ? .ioURing : .epoll))
        for notifier in notifiers { context.removeHandler(for: notifier) }
      }
    }

    /// In the pass that finds so: the next look at it may be a sleep away.
    @Test func whereThereIsNoRingToBeHadItIsTimeForEpoll() throws {
      let kernel = FaultyKernel()
      kernel.failAlways(.ringSetUp, .error(EPERM))
      let context = try AioContext(name: "faulty", configuration: .init(), kernel: kernel)
      context.poll(blocking: false)
      let notifiers = try (0..<3).map { _ in try EventNotifier() }
      defer { for notifier in notifiers { context.removeHandler(for: notifier) } }
      for notifier in notifiers {
        try context.setHandler(for: notifier, onReadable: { $0.testAndClear() })
      }
      try context.setPolling(.init(maximum: .microseconds(1)))
      context.poll(blocking: false)
      #expect(context.monitor == .epoll)
    }

    @Test(arguments: Driver.allCases)
    func withBusyPollingItIsTheRingFromTheStart(_ driver: Driver) throws {
      let loop = try Loop(driver, polling: .ioThread)
      defer { loop.context.detach() }
      let expected = Self.hasRing ? MonitorKind.ioURing : .poll
      #expect(loop.context.monitor == expected)
      loop.iterate()
      #expect(loop.context.monitor == expected)
    }

    @Test(arguments: Driver.allCases)
    func aRegularFileMovesItToTheRing(_ driver: Driver) throws {
      let loop = try Loop(driver)
      let context = loop.context
      defer { context.detach() }
      let notifiers = try (0..<3).map { _ in try EventNotifier(active: true) }
      defer { for notifier in notifiers { context.removeHandler(for: notifier) } }
      let file = try FileDescriptor.open("/proc/self/exe", .readOnly)
      defer { try? file.close() }
      let log = Log()
      try context.setHandler(
        for: file,
        onReadable: {
          log.add("file")
          context.removeHandler(for: file)
        })
      loop.iterate()
      #expect(context.monitor == .poll)
      #expect(log.value == ["file"])
      // Enough for epoll, which refuses the file.
      let again = Counter()
      try context.setHandler(for: file, onReadable: { again.increment() })
      defer { context.removeHandler(for: file) }
      for notifier in notifiers {
        try context.setHandler(
          for: notifier,
          onReadable: {
            $0.testAndClear()
            log.add("notifier")
          })
      }
      for _ in 0..<4 { loop.iterate() }
      #expect(context.monitor == (Self.hasRing ? .ioURing : .poll))
      #expect(log.value == ["file", "notifier", "notifier", "notifier"])
      #expect(again.value >= 3)
    }
  }
}
