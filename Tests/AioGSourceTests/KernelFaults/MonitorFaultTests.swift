// What a loop does when the kernel refuses, interrupts or ends what it waits with: each fault by itself, under each driver
// over each monitor. Contract 2.1, 8, 9, 13.2.

import CGLib
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct MonitorFaultTests {
    /// The waits of a monitor, and what may come of them that is neither readiness nor the end of the time.
    private static let waits: [MonitorKind: [FaultyKernel.Call]] = [
      .poll: [.poll], .epoll: [.epollWait, .epollWaitNanoseconds],
      .ioURing: [.ringSubmit, .ringSubmitAndPost, .ringSubmitAndWait, .ringPost],
    ]
    private static let passing: [MonitorKind: [FaultyKernel.Fault]] = [
      .poll: [.error(EINTR), .error(ENOMEM), .nothing],
      .epoll: [.error(EINTR), .nothing],
      .ioURing: [.error(EINTR), .error(EAGAIN), .error(EBUSY), .error(ENOMEM)],
    ]

    @Test(arguments: Combination.all)
    func aWaitThatEndsForNothingLosesNothing(_ combination: Combination) throws {
      for fault in Self.passing[combination.monitor]! {
        let faulty = try FaultyLoop(combination)
        let pair = Pair.pipe()
        let reads = Counter()
        let timer = Counter()
        try faulty.context.setHandler(
          for: pair.reader,
          onReadable: {
            reads.increment()
            pair.drain()
          })
        for call in Self.waits[combination.monitor]! { faulty.kernel.fail(call, fault, fault) }
        pair.write()
        #expect(faulty.run { reads.value == 1 }, "\(fault)")
        // Asleep, with a time to be kept.
        for call in Self.waits[combination.monitor]! { faulty.kernel.fail(call, fault, fault) }
        let handle = faulty.context.makeTimer { timer.increment() }
        let start = monotonicNow()
        handle.arm(after: .milliseconds(5))
        #expect(faulty.run { timer.value == 1 }, "\(fault)")
        #expect(monotonicNow() - start >= 5_000_000)
        faulty.kernel.calm()
        faulty.settle()
        #expect(reads.value == 1)
        #expect(timer.value == 1)
        #expect(faulty.context.monitor == combination.monitor)
        faulty.context.removeHandler(for: pair.reader)
      }
    }

    /// Contract 13.2: it ends, and nothing was called.
    @Test(arguments: Combination.monitors)
    func aBlockingPollThatIsInterruptedReturnsFalse(_ monitor: MonitorKind) throws {
      let faulty = try FaultyLoop(Combination(driver: .poll, monitor: monitor))
      faulty.settle()
      let wait: FaultyKernel.Call =
        switch monitor {
        case .poll: .poll
        case .epoll: .epollWait
        case .ioURing: .ringSubmitAndWait
        }
      faulty.kernel.fail(wait, .error(EINTR))
      #expect(!faulty.context.poll(blocking: true))
      #expect(faulty.kernel.isSpent)
    }

    @Test func aKernelWithoutNanosecondsIsWaitedForWithPoll() throws {
      let faulty = try FaultyLoop(Combination(driver: .poll, monitor: .epoll))
      faulty.kernel.failAlways(.epollWaitNanoseconds, .error(ENOSYS))
      let fired = Counter()
      let timer = faulty.context.makeTimer { fired.increment() }
      for count in 1...3 {
        let start = monotonicNow()
        timer.arm(after: .microseconds(300))
        #expect(faulty.run { fired.value == count })
        #expect(monotonicNow() - start >= 300_000)
      }
      // Asked once, and believed.
      #expect(faulty.kernel.count(.epollWaitNanoseconds) == 1)
      #expect(faulty.kernel.count(.poll) > 0)
    }

    // MARK: Sets that cannot be changed

    @Test(arguments: Driver.allCases, [ENOMEM, ENOSPC, EPERM])
    func aHandlerThatEpollRefusesIsServedByAnotherMonitor(_ driver: Driver, _ error: CInt) throws {
      let faulty = try FaultyLoop(Combination(driver: driver, monitor: .epoll))
      let pair = Pair.pipe()
      let reads = Counter()
      faulty.kernel.failAlways(.epollControl, .error(error))
      try faulty.context.setHandler(
        for: pair.reader,
        onReadable: {
          reads.increment()
          pair.drain()
        })
      pair.write()
      #expect(faulty.run { reads.value == 1 })
      #expect(faulty.context.monitor == .poll)
      faulty.context.removeHandler(for: pair.reader)
    }

    /// Refused once, the set is built anew.
    @Test(arguments: Driver.allCases)
    func aSetThatFailedOnceIsBuiltAnew(_ driver: Driver) throws {
      let faulty = try FaultyLoop(Combination(driver: driver, monitor: .epoll))
      let pair = Pair.pipe()
      let reads = Counter()
      faulty.kernel.fail(.epollControl, .error(ENOMEM))
      try faulty.context.setHandler(
        for: pair.reader,
        onReadable: {
          reads.increment()
          pair.drain()
        })
      pair.write()
      #expect(faulty.run { reads.value == 1 })
      #expect(faulty.kernel.isSpent)
      #expect(faulty.context.monitor == .epoll)
      faulty.context.removeHandler(for: pair.reader)
    }

    @Test(arguments: Driver.allCases)
    func aSetThatCannotBeBuiltAnewGivesWayToPoll(_ driver: Driver) throws {
      let faulty = try FaultyLoop(Combination(driver: driver, monitor: .epoll))
      let pair = Pair.pipe()
      let reads = Counter()
      faulty.kernel.fail(.epollControl, .error(ENOMEM))
      faulty.kernel.fail(.epollCreate, .error(EMFILE))
      try faulty.context.setHandler(
        for: pair.reader,
        onReadable: {
          reads.increment()
          pair.drain()
        })
      pair.write()
      #expect(faulty.run { reads.value == 1 })
      #expect(faulty.kernel.isSpent)
      #expect(faulty.context.monitor == .poll)
      faulty.context.removeHandler(for: pair.reader)
    }

    /// Found by a random walk: prepare makes the timerfd's handler after it has looked whether the monitor is well, and GLib
    /// slept on a set without it.
    @Test func aSetThatRefusesTheDeadlineIsReplacedBeforeGLibSleeps() throws {
      let faulty = try FaultyLoop(Combination(driver: .glib, monitor: .epoll))
      faulty.settle()
      faulty.kernel.fail(.epollControl, .error(ENOMEM))
      let fired = Counter()
      let timer = faulty.context.makeTimer { fired.increment() }
      timer.arm(after: .milliseconds(50))
      #expect(faulty.run { fired.value == 1 })
      #expect(faulty.kernel.isSpent)
    }

    // MARK: What cannot be made

    @Test(arguments: [EMFILE, ENFILE, ENOMEM])
    func aContextWithoutANotifierIsAnError(_ error: CInt) {
      let kernel = FaultyKernel()
      kernel.fail(.eventCreate, .error(error))
      #expect(throws: AioError.system(call: "eventfd", Errno(rawValue: error))) {
        _ = try AioContext(name: "none", configuration: .init(), kernel: kernel)
      }
    }

    /// Contract 8.1.
    @Test(arguments: Combination.all)
    func aKernelWithoutEventDescriptorsHasPipes(_ combination: Combination) throws {
      let faulty = try FaultyLoop(combination) { $0.fail(.eventCreate, .error(ENOSYS)) }
      #expect(faulty.kernel.isSpent)
      let ran = Counter()
      let context = faulty.context
      let thread = TestThread {
        sleep(milliseconds: 5)
        for _ in 0..<10 { context.schedule { ran.increment() } }
      }
      #expect(faulty.run { ran.value == 10 })
      thread.join()
    }

    @Test(arguments: [EPERM, ENOSYS, ENOMEM, EMFILE])
    func aRingThatIsRefusedIsEpollUnlessItWasDemanded(_ error: CInt) throws {
      let kernel = FaultyKernel()
      kernel.failAlways(.ringSetUp, .error(error))
      let context = try AioContext(name: "denied", configuration: .init(), kernel: kernel)
      #expect(context.monitor == .epoll)
      let before = openDescriptors()
      #expect(throws: AioError.monitorUnavailable(.ioURing, Errno(rawValue: error))) {
        _ = try AioContext(
          name: "denied", configuration: .init(monitor: .demanded(.ioURing)), kernel: kernel)
      }
      #expect(openDescriptors() == before)
      kernel.failAlways(.epollCreate, .error(EMFILE))
      #expect(
        try AioContext(name: "poor", configuration: .init(), kernel: kernel).monitor == .poll)
    }

    /// Out of descriptors for a timerfd, GLib's milliseconds will do.
    @Test(arguments: Combination.monitors)
    func withoutATimerDescriptorGLibKeepsTime(_ monitor: MonitorKind) throws {
      let faulty = try FaultyLoop(Combination(driver: .glib, monitor: monitor))
      faulty.kernel.failAlways(.timerCreate, .error(EMFILE))
      let fired = Counter()
      let timer = faulty.context.makeTimer { fired.increment() }
      let start = monotonicNow()
      timer.arm(after: .milliseconds(50))
      #expect(faulty.run { fired.value == 1 })
      #expect(monotonicNow() - start >= 50_000_000)
      #expect(faulty.kernel.count(.timerCreate) > 0)
      // It has one as soon as there is one to be had.
      faulty.kernel.failAlways(.timerCreate, nil)
      let count = faulty.kernel.count(.timerCreate)
      timer.arm(after: .milliseconds(50))
      #expect(faulty.run { fired.value == 2 })
      #expect(faulty.kernel.count(.timerCreate) == count + 1)
    }

    // MARK: Wake-ups

    @Test(arguments: Combination.all, [FaultyKernel.Fault.error(EINTR)])
    func aWakeUpThatIsInterruptedIsMadeAgain(
      _ combination: Combination, _ fault: FaultyKernel.Fault
    ) throws {
      let faulty = try FaultyLoop(combination)
      let ran = Counter()
      let context = faulty.context
      faulty.settle()
      faulty.kernel.fail(.eventWrite, fault, fault)
      faulty.kernel.fail(.eventRead, fault, fault)
      let thread = TestThread {
        sleep(milliseconds: 5)
        context.schedule { ran.increment() }
      }
      #expect(faulty.run { ran.value == 1 })
      thread.join()
      faulty.settle()
      #expect(ran.value == 1)
    }

    /// A full notifier is set already: contract 8.2.
    @Test func aFullNotifierIsSet() throws {
      let kernel = FaultyKernel()
      let notifier = try EventNotifier(kernel: kernel)
      kernel.fail(.eventWrite, .error(EAGAIN), .error(EINTR), .error(EIO))
      try notifier.set()
      #expect(throws: Errno.ioError) { try notifier.set() }
      kernel.fail(.eventRead, .error(EINTR), .error(EAGAIN))
      #expect(!notifier.testAndClear())
      #expect(kernel.isSpent)
    }

    /// A spurious wake-up: poll(2) says readable where nothing is.
    @Test func readinessThatIsNotThereIsHarmless() throws {
      let faulty = try FaultyLoop(Combination(driver: .poll, monitor: .poll))
      let pair = Pair.pipe()
      let calls = Counter()
      try faulty.context.setHandler(
        for: pair.reader,
        onReadable: {
          calls.increment()
          pair.drain()
        })
      faulty.settle()
      faulty.kernel.fail(.poll, .spurious)
      faulty.context.poll(blocking: true)
      #expect(calls.value == 1)
      faulty.settle()
      #expect(calls.value == 1)
      let ran = Counter()
      faulty.context.schedule { ran.increment() }
      #expect(faulty.run { ran.value == 1 })
      faulty.context.removeHandler(for: pair.reader)
    }
  }
}
