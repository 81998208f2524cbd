// Contract 9: what every monitor has to get right.

import AioGSource
import CGLib
import CLiburing
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite struct MonitorTests {
    @Test(arguments: Combination.all)
    func ofManyTheReadyOnesAreServed(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let notifiers = try (0..<400).map { _ in try EventNotifier() }
      let served = Log()
      for (index, notifier) in notifiers.enumerated() {
        try loop.context.setHandler(
          for: notifier,
          onReadable: {
            $0.testAndClear()
            served.add("\(index)")
          })
      }
      loop.settle()
      #expect(served.value == [])
      for index in [5, 69, 399, 0] { try notifiers[index].set() }
      loop.settle()
      #expect(Set(served.value) == ["5", "69", "399", "0"])
      #expect(served.value.count == 4)
      // All at once: more than a batch, more than the ring's queues.
      for notifier in notifiers { try notifier.set() }
      #expect(loop.run(limit: .seconds(5)) { served.value.count == 404 })
      for notifier in notifiers { loop.context.removeHandler(for: notifier) }
    }

    @Test(arguments: Combination.all)
    func removingAndAddingTheSameDescriptorWhileItIsWrittenTo(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.pipe()
      let context = loop.context
      let stale = Counter()
      let served = Counter()
      let done = Flag()
      // The thread may be long in starting.
      pair.write()
      let thread = TestThread {
        while !done.isSet {
          pair.write()
          sched_yield()
        }
      }
      for round in 0..<10_000 {
        let isRemoved = Flag()
        try context.setHandler(
          for: pair.reader,
          onReadable: {
            if isRemoved.isSet { stale.increment() }
            pair.drain()
            served.increment()
          })
        if round % 3 == 0 { loop.iterate() }
        context.removeHandler(for: pair.reader)
        isRemoved.set()
        if round % 7 == 0 { loop.iterate() }
      }
      done.set()
      thread.join()
      loop.settle()
      #expect(stale.value == 0)
      #expect(served.value > 0)
    }

    @Test(arguments: Combination.all)
    func aRegularFileIsAlwaysReady(_ combination: Combination) throws {
      // epoll refuses it: its own test sees what the context does then.
      if combination.monitor == .epoll {
        Tally.count(combination)
        return
      }
      let loop = try TestLoop(combination)
      let file = try FileDescriptor.open("/proc/self/exe", .readOnly)
      defer { try? file.close() }
      let calls = Counter()
      try loop.context.setHandler(for: file, onReadable: { calls.increment() })
      for _ in 0..<5 { loop.iterate(blocking: true) }
      #expect(calls.value >= 3)
      loop.context.removeHandler(for: file)
    }

    @Test(arguments: Combination.all)
    func glibPollsOneDescriptor(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let notifiers = try (0..<50).map { _ in try EventNotifier() }
      for notifier in notifiers { try loop.context.setHandler(for: notifier, onReadable: { _ in }) }
      let timer = loop.context.makeTimer {}
      timer.arm(after: .seconds(60))
      loop.settle()
      if let mainContext = loop.mainContext {
        // The GMainContext's own wake-up descriptor is one of them.
        let count = polledDescriptors(of: mainContext) - 1
        #expect(count == (combination.monitor == .poll ? notifiers.count + 2 : 1))
      }
      timer.cancel()
      for notifier in notifiers { loop.context.removeHandler(for: notifier) }
    }

    @Test(arguments: Combination.all)
    func theHomeThreadMayEndAndAnotherTakeOver(_ combination: Combination) throws {
      let pair = Pair.pipe()
      let calls = Counter()
      let loop = Box<TestLoop?>(nil)
      let failure = Box<(any Error)?>(nil)
      let test = try TestLoop(combination)
      loop.value = test
      TestThread {
        do {
          try loop.value!.context.setHandler(
            for: pair.reader,
            onReadable: {
              pair.drain()
              calls.increment()
            })
          loop.value!.settle()
          if combination.driver == .poll { loop.value!.context.releaseHomeThread() }
        } catch { failure.value = error }
      }.join()
      #expect(failure.value == nil)
      // With io_uring the kernel has cancelled that thread's poll request, and the loop makes it again.
      sleep(milliseconds: 5)
      loop.value = nil
      for round in 1...3 {
        pair.write()
        #expect(
          test.run(limit: .seconds(5)) { calls.value == round },
          "called \(calls.value) times by round \(round)")
      }
      test.context.removeHandler(for: pair.reader)
    }

    @Test(arguments: Combination.all)
    func aWaitThatIsInterruptedReturns(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let before = signal(SIGUSR2) { _ in }
      let me = pthread_self()
      let done = Flag()
      let thread = TestThread {
        sleep(milliseconds: 20)
        pthread_kill(me, SIGUSR2)
        // GLib goes on waiting after a signal.
        sleep(milliseconds: 20)
        loop.context.schedule { done.set() }
      }
      loop.iterate(blocking: true)
      #expect(loop.run(limit: .seconds(5)) { done.isSet })
      thread.join()
      signal(SIGUSR2, before)
    }
  }
}

/// How many descriptors GLib would poll for a context.
private func polledDescriptors(of context: MainContext) -> Int {
  g_main_context_acquire(context.pointer)
  defer { g_main_context_release(context.pointer) }
  var priority: gint = 0
  var timeout: gint = 0
  g_main_context_prepare(context.pointer, &priority)
  return Int(g_main_context_query(context.pointer, gint(Int32.max), &timeout, nil, 0))
}

func release(_ source: UnsafeMutablePointer<GSource>) {
  g_source_unref(source)
}

func sourceName(_ source: UnsafeMutablePointer<GSource>) -> String {
  String(cString: g_source_get_name(source))
}
