// Contract 9, 25.7, architecture's fourth decision: which monitor runs, and that one can tell.

import AioGSource
import CTestSupport
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite struct MonitorChoiceTests {
    @Test func aDemandedMonitorRunsOrThrows() throws {
      for kind in MonitorKind.allCases {
        let configuration = AioContext.Configuration(monitor: .demanded(kind))
        if kind == .ioURing && aiogs_test_denies_io_uring() {
          let error = #expect(throws: AioError.self) {
            try AioContext(configuration: configuration)
          }
          guard case .monitorUnavailable(.ioURing, let reason) = try #require(error) else {
            Issue.record("\(String(describing: error))")
            continue
          }
          #expect(reason == .notPermitted || reason == .noFunction)
          #expect(
            error?.description.hasPrefix("the io_uring monitor is not available here") == true)
        } else {
          #expect(try AioContext(configuration: configuration).monitor == kind)
        }
      }
    }

    @Test(arguments: Combination.all)
    func askingForTheSourceChangesNothing(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let source = loop.context.gSource
      #expect(loop.context.monitor == combination.monitor)
      release(source)
    }

    @Test(arguments: Driver.allCases)
    func pollBecomesEpollAtSixtyFour(_ driver: Driver) throws {
      let context = try AioContext(configuration: .init(monitor: .pollThenEpoll))
      let mainContext = MainContext()
      if driver == .glib { try context.attach(to: mainContext) }
      defer { context.detach() }
      let iterate = { @Sendable in
        _ = driver == .glib ? mainContext.iteration(mayBlock: false) : context.poll(blocking: false)
      }
      let notifiers = try (0..<70).map { _ in try EventNotifier() }
      let served = Log()
      let add = { (index: Int) in
        try context.setHandler(
          for: notifiers[index],
          onReadable: {
            $0.testAndClear()
            served.add("\(index)")
          })
      }
      // With the context's own event notifier, 63 and 64.
      for index in 0..<62 { try add(index) }
      iterate()
      #expect(context.monitor == .poll)
      // Not in a nested pass.
      let nested = Box<MonitorKind?>(nil)
      context.schedule {
        try? context.setHandler(
          for: notifiers[62],
          onReadable: {
            $0.testAndClear()
            served.add("62")
          })
        context.poll(blocking: false)
        nested.value = context.monitor
      }
      iterate()
      #expect(nested.value == .poll)
      iterate()
      #expect(context.monitor == .epoll)
      for index in 63..<70 { try add(index) }
      try notifiers[5].set()
      try notifiers[69].set()
      iterate()
      iterate()
      #expect(Set(served.value) == ["5", "69"])
      for index in 0..<60 { context.removeHandler(for: notifiers[index]) }
      try notifiers[65].set()
      iterate()
      iterate()
      #expect(served.value.last == "65")
      #expect(context.monitor == .epoll)
      for index in 60..<70 { context.removeHandler(for: notifiers[index]) }
    }

    @Test(arguments: Driver.allCases)
    func handlersAddedDuringTheUpgradeAreAllServed(_ driver: Driver) throws {
      for _ in 0..<20 {
        let context = try AioContext(configuration: .init(monitor: .pollThenEpoll))
        let mainContext = MainContext()
        if driver == .glib { try context.attach(to: mainContext) }
        defer { context.detach() }
        let notifiers = try (0..<100).map { _ in try EventNotifier(active: true) }
        let served = Counter()
        let thread = TestThread {
          for notifier in notifiers {
            try? context.setHandler(
              for: notifier,
              onReadable: {
                $0.testAndClear()
                served.increment()
              })
          }
        }
        let end = monotonicNow() + 5_000_000_000
        while served.value < 100 && monotonicNow() < end {
          _ =
            driver == .glib
            ? mainContext.iteration(mayBlock: false) : context.poll(blocking: false)
        }
        thread.join()
        #expect(served.value == 100)
        // The number is looked at before a wait; they may all have come during one.
        _ = driver == .glib ? mainContext.iteration(mayBlock: false) : context.poll(blocking: false)
        #expect(context.monitor == .epoll)
        for notifier in notifiers { context.removeHandler(for: notifier) }
      }
    }

    @Test(arguments: Driver.allCases)
    func aRegularFileMovesEpollToPoll(_ driver: Driver) throws {
      let context = try AioContext(configuration: .init(monitor: .demanded(.epoll)))
      let mainContext = MainContext()
      if driver == .glib { try context.attach(to: mainContext) }
      defer { context.detach() }
      let iterate = { @Sendable in
        _ = driver == .glib ? mainContext.iteration(mayBlock: false) : context.poll(blocking: false)
      }
      let file = try FileDescriptor.open("/proc/self/exe", .readOnly)
      defer { try? file.close() }
      let notifier = try EventNotifier()
      let log = Log()
      try context.setHandler(for: notifier, onReadable: { _ in log.add("notifier") })
      try context.setHandler(
        for: file,
        onReadable: {
          log.add("file")
          context.removeHandler(for: file)
        })
      try notifier.set()
      iterate()
      iterate()
      #expect(context.monitor == .poll)
      #expect(Set(log.value) == ["file", "notifier"])
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Driver.allCases)
    func aDescriptorClosedTooSoonDoesNotConfuseEpoll(_ driver: Driver) throws {
      let context = try AioContext(configuration: .init(monitor: .demanded(.epoll)))
      let mainContext = MainContext()
      if driver == .glib { try context.attach(to: mainContext) }
      defer { context.detach() }
      let iterate = { @Sendable in
        _ = driver == .glib ? mainContext.iteration(mayBlock: false) : context.poll(blocking: false)
      }
      let pair = Pair.pipe()
      let calls = Counter()
      // The copy keeps the kernel's entry alive beyond the close: it would speak of a handler long gone.
      let copy = try pair.reader.duplicate()
      defer { try? copy.close() }
      let descriptor = pair.reader
      try context.setHandler(for: descriptor, onReadable: { calls.increment() })
      iterate()
      pair.closeReader()
      context.removeHandler(for: descriptor)
      pair.write()
      for _ in 0..<5 { iterate() }
      #expect(calls.value == 0)
      #expect(context.monitor == .epoll)
      let notifier = try EventNotifier(active: true)
      try context.setHandler(
        for: notifier,
        onReadable: {
          $0.testAndClear()
          calls.increment()
        })
      for _ in 0..<3 { iterate() }
      #expect(calls.value == 1)
      context.removeHandler(for: notifier)
    }
  }
}
