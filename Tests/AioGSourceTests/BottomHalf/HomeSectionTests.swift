// What the home thread schedules by plain instructions (Notify/HomeSection.swift): in order with the rest, not lost when
// another thread takes over or a signal comes. The protocol itself is Models/home-section.pml.

import CGLib
import CTestSupport
import Glibc
import Synchronization
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct HomeSectionTests {
    @Test func theKernelHasTheBarrier() {
      #expect(Barrier.isOfferedOnEveryThread)
    }

    @Test(arguments: Combination.all)
    func whatWasScheduledBeforeRunsBefore(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.settle()
      let log = Log()
      context.schedule { log.add("home 1") }
      context.schedule { log.add("home 2") }
      TestThread { context.schedule { log.add("other") } }.join()
      context.schedule { log.add("home 3") }
      loop.settle()
      #expect(log.value == ["home 1", "home 2", "other", "home 3"])
    }

    @Test func withoutTheBarrierAllGoesTheWayOfOtherThreads() throws {
      for hasSections in [true, false] {
        let state = NotifyState(notifier: try EventNotifier(), hasHomeSections: hasSections)
        let thread = ThreadState.current
        #expect(state.claimHome(thread))
        if let section = state.beginHomeSection() {
          #expect(hasSections)
          #expect(state.beginHomeSection() == nil, "one begun is not begun again")
          state.endHomeSection(section)
        } else {
          #expect(!hasSections)
        }
        let queue = BottomHalfQueue(notifyState: state)
        let log = Log()
        for name in ["a", "b", "c"] { queue.scheduleOneShot(name: name) { log.add(name) } }
        #expect(queue.work() == .ready)
        #expect(queue.run())
        #expect(log.value == ["a", "b", "c"])
        state.releaseHome(of: thread)
        #expect(state.beginHomeSection() == nil, "it is nobody's home")
      }
    }

    /// Two threads run the same main context in turns, and schedule all the while, whoever is the home.
    @Test(arguments: Combination.monitors)
    func nothingIsLostWhenAnotherThreadTakesOver(_ monitor: MonitorKind) throws {
      let mainContext = MainContext()
      let context = try AioContext(configuration: .init(monitor: .demanded(monitor)))
      try context.attach(to: mainContext)
      #expect(context.activeMonitor.kind == monitor)
      let scheduled = 20_000
      let ran = Counter()
      let runners = Counter()
      // GLib's locks order the turns, which the thread sanitizer does not see.
      let handOver = Flag()
      let threads = (0..<2).map { _ in
        TestThread {
          for turn in 0..<scheduled {
            context.schedule { ran.increment() }
            if turn % 8 == 0, g_main_context_acquire(mainContext.pointer) != 0 {
              if aiogs_test_is_sanitized() { _ = handOver.isSet }
              g_main_context_iteration(mainContext.pointer, 0)
              if context.isHomeThread { runners.increment() }
              if aiogs_test_is_sanitized() { handOver.set() }
              g_main_context_release(mainContext.pointer)
            }
          }
        }
      }
      for thread in threads { thread.join() }
      while g_main_context_iteration(mainContext.pointer, 0) != 0 {}
      #expect(ran.value == 2 * scheduled)
      #expect(runners.value > 0)
      context.detach()
    }

    /// A signal handler schedules in the midst of whatever its thread, the home, is doing.
    @Test(arguments: Combination.all)
    func nothingIsLostWhenASignalComes(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.settle()
      Signals.unblock([SIGUSR2])
      let ran = Counter()
      let own = Counter()
      let bottomHalf = context.makeBottomHalf { ran.increment() }
      signalTarget.store(Unmanaged.passUnretained(bottomHalf), ordering: .releasing)
      signalsTaken.store(0, ordering: .relaxed)
      defer { signalTarget.store(nil, ordering: .releasing) }
      let home = pthread_self()
      let isOver = Flag()
      Signals.withDisposition(of: SIGUSR2) { _ in
        signalTarget.load(ordering: .acquiring)?._withUnsafeGuaranteedRef { $0.schedule() }
        signalsTaken.add(1, ordering: .relaxed)
      } _: {
        let sender = TestThread {
          while !isOver.isSet {
            let before = signalsTaken.load(ordering: .relaxed)
            pthread_kill(home, SIGUSR2)
            while signalsTaken.load(ordering: .relaxed) == before && !isOver.isSet {}
          }
        }
        var scheduled = 0
        while signalsTaken.load(ordering: .relaxed) < 2_000 {
          for _ in 0..<8 { context.schedule { own.increment() } }
          scheduled += 8
          let before = ran.value
          let taken = signalsTaken.load(ordering: .relaxed)
          loop.iterate(blocking: false)
          // One that came while it was scheduled already is one with that.
          if taken != signalsTaken.load(ordering: .relaxed) { loop.iterate(blocking: false) }
          #expect(ran.value >= before)
        }
        isOver.set()
        sender.join()
        loop.settle()
        #expect(own.value == scheduled)
        // The last signal of all was seen: nothing is scheduled any more.
        let last = ran.value
        bottomHalf.schedule()
        loop.settle()
        #expect(ran.value == last + 1)
      }
    }
  }
}

private let signalTarget = Atomic<Unmanaged<BottomHalf>?>(nil)
private let signalsTaken = Atomic<Int>(0)
