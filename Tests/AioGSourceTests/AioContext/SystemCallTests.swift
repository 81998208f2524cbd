// What an operation of the loop costs in system calls, in each combination. A change that makes one more fails.

import AioGSource
import CTestSupport
import Testing

extension Combination {
  /// The calls by which the home thread learns that a descriptor is ready.
  ///
  /// GLib's iteration is one poll(2). Of the monitor's one descriptor over epoll, which has to be asked what it was; over
  /// io_uring, after a submission that arms again what became ready last time, and what came is in memory.
  fileprivate var wait: [String] {
    switch (driver, monitor) {
    case (.poll, .poll): ["poll"]
    case (.poll, .epoll): ["epoll"]
    case (.poll, .ioURing): ["ring"]
    case (.glib, .poll): ["poll"]
    case (.glib, .epoll): ["poll", "epoll"]
    case (.glib, .ioURing): ["ring", "poll"]
    }
  }

  /// Those of a pass that has something to do before it waits.
  fileprivate var glance: [String] { driver == .glib ? ["poll"] : [] }
}

extension AllTests {
  @Suite(.enabled(if: SystemCalls.canBeWatched, SystemCalls.whyNot))
  struct SystemCallTests {
    typealias Preparation =
      @Sendable (TestLoop) throws -> (operation: () -> Void, end: () -> Void)

    private func calls(
      _ combination: Combination, _ prepare: @escaping Preparation
    ) throws -> [[String]] {
      try SystemCalls.ofEach {
        let loop = try TestLoop(combination)
        let (operation, end) = try prepare(loop)
        return (operation, { withExtendedLifetime(loop, end) })
      }
    }

    /// Expects each operation to make just these calls.
    private func expect(
      _ expected: [String], _ combination: Combination,
      sourceLocation: SourceLocation = #_sourceLocation, _ prepare: @escaping Preparation
    ) throws {
      for calls in try calls(combination, prepare) {
        #expect(calls == expected, sourceLocation: sourceLocation)
      }
    }

    /// Expects most operations to make just these calls, and none to make more. A busy machine may be so late that what
    /// was to be waited for is there already.
    private func expectMostly(
      _ expected: [String], _ combination: Combination,
      sourceLocation: SourceLocation = #_sourceLocation, _ prepare: @escaping Preparation
    ) throws {
      expectMostly(expected, try calls(combination, prepare), sourceLocation: sourceLocation)
    }

    private func expectMostly(
      _ expected: [String], _ all: [[String]], sourceLocation: SourceLocation = #_sourceLocation
    ) {
      for calls in all { #expect(calls.count <= expected.count, sourceLocation: sourceLocation) }
      let usual = all.count { $0 == expected }
      #expect(usual > all.count / 2, "\(all)", sourceLocation: sourceLocation)
    }

    @Test func theCallsAreSeen() throws {
      let all = try SystemCalls.ofEach {
        let notifier = try EventNotifier()
        return (
          {
            try? notifier.set()
            notifier.testAndClear()
            notifier.testAndClear()
          }, {}
        )
      }
      #expect(all == Array(repeating: ["write", "read", "read"], count: 10))
    }

    @Test(arguments: Combination.all)
    func schedulingAndRunningABottomHalf(_ combination: Combination) throws {
      try expect(combination.glance, combination) { loop in
        let bottomHalf = loop.context.makeBottomHalf {}
        return (
          {
            bottomHalf.schedule()
            loop.iterate()
          }, { bottomHalf.delete() }
        )
      }
    }

    @Test(arguments: Combination.all)
    func beingWokenByABottomHalf(_ combination: Combination) throws {
      try expectMostly(combination.wait + ["read"], combination) { loop in
        let wanted = Counter()
        let ran = Counter()
        let isDone = Flag()
        let bottomHalf = loop.context.makeBottomHalf { ran.increment() }
        let thread = TestThread {
          var scheduled = 0
          while !isDone.isSet {
            sleep(milliseconds: 5)
            if scheduled == wanted.value { continue }
            scheduled += 1
            bottomHalf.schedule()
          }
        }
        return (
          {
            let number = wanted.increment()
            while ran.value < number { loop.iterate(blocking: true) }
          },
          {
            isDone.set()
            thread.join()
            bottomHalf.delete()
          }
        )
      }
    }

    /// A write to the eventfd while the loop sleeps, and nothing while it is awake.
    @Test(arguments: Combination.all)
    func schedulingABottomHalfOfAnotherThread(_ combination: Combination) throws {
      let thread = try IOThread(
        name: "other",
        configuration: .init(monitor: .demanded(combination.monitor), polling: .disabled))
      if combination.driver == .glib { _ = try thread.mainContext() }
      let context = thread.context
      #expect(context.monitor == combination.monitor)
      Tally.count(combination)
      let scheduled = context.makeBottomHalf {}
      let whileAsleep = try SystemCalls.ofEach {
        (
          {
            scheduled.schedule()
            // For the other thread to run it and to fall asleep again, on a busy machine too.
            sleep(milliseconds: 20)
          }, {}
        )
      }
      expectMostly(["write", "sleep"], whileAsleep)

      let isAwake = Flag()
      let mayGoOn = Flag()
      let busy = context.makeBottomHalf {
        isAwake.set()
        while !mayGoOn.isSet { sleep(milliseconds: 1) }
      }
      busy.schedule()
      while !isAwake.isSet { sleep(milliseconds: 1) }
      let whileAwake = try SystemCalls.ofEach { ({ scheduled.schedule() }, {}) }
      for calls in whileAwake { #expect(calls == []) }
      mayGoOn.set()
      scheduled.delete()
      busy.delete()
      thread.stop()
    }

    @Test(arguments: Combination.all)
    func servingADescriptor(_ combination: Combination) throws {
      try expect(["write"] + combination.wait + ["read"], combination) { loop in
        let notifier = try EventNotifier()
        try loop.context.setHandler(for: notifier, onReadable: { $0.testAndClear() })
        return (
          {
            try? notifier.set()
            loop.iterate(blocking: true)
          }, { loop.context.removeHandler(for: notifier) }
        )
      }
    }

    /// The ring says in memory that nothing came.
    @Test(arguments: Combination.all)
    func lookingWhenNothingIsThere(_ combination: Combination) throws {
      let look: [String] =
        combination.driver == .glib
        ? ["poll"] : combination.monitor == .ioURing ? [] : combination.wait
      try expect(look, combination) { loop in
        let pair = Pair.sockets()
        try loop.context.setHandler(for: pair.reader, onReadable: {})
        return ({ loop.iterate() }, { loop.context.removeHandler(for: pair.reader) })
      }
    }

    /// Under GLib, whose sleep is in milliseconds, the timerfd is set before it, and reset after it.
    @Test(arguments: Combination.all)
    func armingATimerAndRunningIt(_ combination: Combination) throws {
      let timerfd = combination.driver == .glib ? ["timerfd"] : []
      try expectMostly(timerfd + combination.wait + timerfd, combination) { loop in
        let timer = loop.context.makeTimer {}
        return (
          {
            timer.arm(after: .milliseconds(10))
            while timer.isPending { loop.iterate(blocking: true) }
          }, { timer.cancel() }
        )
      }
    }

    @Test(arguments: Combination.all)
    func armingATimerOnceMoreAndCancellingIt(_ combination: Combination) throws {
      try expect([], combination) { loop in
        let timer = loop.context.makeTimer {}
        return (
          {
            timer.arm(after: .seconds(10))
            timer.arm(after: .seconds(5))
            timer.cancel()
          }, {}
        )
      }
    }

    @Test(arguments: Combination.all)
    func aTasksHopToTheContext(_ combination: Combination) throws {
      try expect(combination.glance, combination) { loop in
        let hops = Hops(on: loop.context)
        loop.iterate()
        return (
          {
            hops.resume()
            loop.iterate()
          },
          {
            hops.end()
            loop.iterate()
          }
        )
      }
    }

    /// fcntl tells whether the file is open with O_DIRECT, for then reading on the spot would wait.
    @Test(arguments: EngineCombination.all)
    func readingFromTheCache(_ combination: EngineCombination) throws {
      let loop = combination.loop
      let expected: [String] =
        switch combination.engine {
        case .ioURing: loop.monitor == .ioURing ? loop.wait : ["ring"] + loop.wait
        case .linuxAIO: ["fcntl", "io_submit"] + loop.wait + ["read"]
        case .threads: ["fcntl", "preadv2"] + loop.glance
        }
      let all = try SystemCalls.ofEach {
        let loop = try EngineLoop(combination)
        let file = try TemporaryFile(randomBytes(4_096))
        let buffer = AIOBuffer(count: 4_096)
        let done = Counter()
        return (
          {
            let number = done.value + 1
            loop.engine.read(from: file.descriptor, at: 0, into: buffer) {
              if $0 == .success(4_096) { done.increment() }
            }
            while done.value < number { loop.loop.iterate(blocking: true) }
          }, {}
        )
      }
      for calls in all { #expect(calls == expected) }
    }
  }
}
