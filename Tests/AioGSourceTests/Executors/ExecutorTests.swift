// A context as an executor: where tasks and actors run, in which order, and when. Contract 17, architecture's bars.

import CGLib
import Testing
@_spi(ExperimentalCustomExecutors) import _Concurrency

@testable import AioGSource

extension AllTests {
  @Suite struct ExecutorTests {
    /// QueuedJob takes the runtime's word for it that a job has two words for its executor, 16 bytes from its start.
    @Test func theRuntimeGivesExecutorsTwoWords() {
      final class Probe: TaskExecutor {
        let offset = Box<Int?>(nil)
        let count = Box(0)
        func enqueue(_ job: consuming ExecutorJob) {
          let unowned = UnownedJob(job)
          let job = ExecutorJob(unowned)
          let start = UInt(bitPattern: QueuedJob(unowned).pointer)
          (offset.value, count.value) = job.withUnsafeExecutorPrivateData {
            (Int(UInt(bitPattern: $0.baseAddress!) - start), $0.count)
          }
          job.runSynchronously(on: asUnownedTaskExecutor())
        }
      }
      let probe = Probe()
      Task(executorPreference: probe) {}
      #expect(probe.offset.value == 16)
      #expect(probe.count.value >= 16)
    }

    @Test(arguments: Combination.all)
    func aTaskRunsOnTheHomeThread(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      #expect(
        try loop.task {
          let here = context.isHomeThread && AioContext.current === context
          context.serialExecutor.checkIsolated()
          async let child = context.isHomeThread
          let inGroup = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<3 { group.addTask { context.isHomeThread } }
            return await group.allSatisfy { $0 }
          }
          await Task.yield()
          return await child && inGroup && here && context.isHomeThread
        })
    }

    @Test(arguments: Combination.all)
    func codeWithThePreferenceRunsOnTheContextAndComesBack(_ combination: Combination) async throws
    {
      let thread = try IOThread(
        name: "preferred", configuration: .init(monitor: .demanded(combination.monitor)))
      if combination.driver == .glib { _ = try thread.mainContext() }
      let context = thread.context
      #expect(context.monitor == combination.monitor)
      let inside = await withTaskExecutorPreference(context.taskExecutor) {
        await nowhere { context.isHomeThread }
      }
      #expect(inside)
      #expect(!context.isHomeThread)
      thread.stop()
    }

    @Test(arguments: Combination.all)
    func anActorRunsOnItsContextAndKnowsIt(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let actor = Pinned(context)
      let log = try loop.task {
        await actor.add(1)
        await actor.addOnItsOwn(2)
        return await actor.log
      }
      #expect(log == [1, 2])
      // From callbacks, which are no tasks.
      let notifier = try EventNotifier(active: true)
      let calls = Counter()
      try context.setHandler(
        for: notifier,
        onReadable: {
          $0.testAndClear()
          actor.addHere(3)
          calls.increment()
        })
      context.schedule {
        actor.preconditionIsolated()
        actor.addHere(4)
        calls.increment()
      }
      let timer = context.makeTimer {
        actor.addHere(5)
        calls.increment()
      }
      timer.arm(at: 0)
      #expect(loop.run { calls.value == 3 })
      context.removeHandler(for: notifier)
      #expect(try loop.task { await actor.log.sorted() } == [1, 2, 3, 4, 5])
    }

    @Test func anActorsCodeOnAnotherThreadTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "pinned")
        let actor = Pinned(context)
        context.poll(blocking: false)
        TestThread { actor.addHere(1) }.join()
      }
      expectSentence("Incorrect actor executor assumption", in: result)
    }

    @Test(arguments: Combination.all)
    func jobsRunInTheOrderInWhichTheyWereEnqueued(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Box<[Int]>([])
      // By another thread, before the loop runs; and by the home thread, outside of passes and in one.
      TestThread {
        for index in 0..<100 {
          Task(executorPreference: context.taskExecutor) { log.update { $0.append(index) } }
        }
      }.join()
      for index in 100..<200 {
        Task(executorPreference: context.taskExecutor) { log.update { $0.append(index) } }
      }
      context.schedule {
        for index in 200..<300 {
          Task(executorPreference: context.taskExecutor) { log.update { $0.append(index) } }
        }
      }
      #expect(loop.run { log.value.count == 300 })
      #expect(log.value == Array(0..<300))
    }

    /// The home thread's own jobs, which go straight to the queue, stand behind those that others pushed before.
    @Test(arguments: Combination.all)
    func orderHoldsAcrossThreads(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Box<[Int]>([])
      try loop.task {
        for round in 0..<50 {
          TestThread {
            Task(executorPreference: context.taskExecutor) { log.update { $0.append(2 * round) } }
          }.join()
          Task(executorPreference: context.taskExecutor) { log.update { $0.append(2 * round + 1) } }
        }
      }
      #expect(loop.run { log.value.count == 100 })
      #expect(log.value == Array(0..<100))
    }

    @Test(arguments: Combination.all)
    func jobsOfManyThreadsAllRunInEachThreadsOrder(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let logs = (0..<4).map { _ in Box<[Int]>([]) }
      let finished = Counter()
      let threads = logs.map { log in
        TestThread {
          for index in 0..<2_000 {
            Task(executorPreference: context.taskExecutor) {
              log.update { $0.append(index) }
              finished.increment()
            }
          }
        }
      }
      #expect(loop.run { finished.value == 8_000 })
      for thread in threads { thread.join() }
      for log in logs { #expect(log.value == Array(0..<2_000)) }
    }

    @Test(arguments: Combination.all)
    func aSleepingLoopIsWokenOnceForManyJobs(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.settle()
      let before = context.statistics.wakeUpsSent
      let ran = Counter()
      let isAsleep = Flag()
      let thread = TestThread {
        while !isAsleep.isSet { sleep(milliseconds: 1) }
        sleep(milliseconds: 50)
        for _ in 0..<1_000 {
          Task(executorPreference: context.taskExecutor) { ran.increment() }
        }
      }
      isAsleep.set()
      #expect(loop.run { ran.value == 1_000 })
      thread.join()
      // Awake for part of them, it may have slept again, once for each time it was done with them.
      let waits = context.statistics.waits + context.statistics.iterations
      let wakeUps = context.statistics.wakeUpsSent - before
      #expect(wakeUps >= 1)
      #expect(wakeUps <= waits)
    }

    /// The same with a sleep that lasts until all of them are there.
    @Test(arguments: Combination.all)
    func oneSleepIsEndedByOneOfManyJobs(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.settle()
      let before = context.statistics
      let ran = Counter()
      let isNotified = context.notifyState.state.openPollWindow()
      #expect(!isNotified)
      TestThread {
        for _ in 0..<1_000 {
          Task(executorPreference: context.taskExecutor) { ran.increment() }
        }
      }.join()
      context.notifyState.state.closePollWindow()
      #expect(context.statistics.wakeUpsSent == before.wakeUpsSent + 1)
      #expect(
        context.statistics.wakeUpsSkipped == before.wakeUpsSkipped,
        "a job on top of another does not even notify")
      #expect(loop.run { ran.value == 1_000 })
    }

    @Test(arguments: Combination.all)
    func aTaskGoesOnInThePassThatResumesIt(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let pipe = Pair.pipe()
      let passes = Box<[String: [Int]]>([:])
      let pass: @Sendable () -> Int = { context.counters.passes }
      let resumedBy = Box<[String: UnsafeContinuation<Void, Never>]>([:])
      let names = ["bottom half", "handler", "timer"]
      for name in names {
        Task(executorPreference: context.taskExecutor) {
          await withUnsafeContinuation { continuation in
            resumedBy.update { $0[name] = continuation }
          }
          passes.update { $0[name, default: []].append(pass()) }
        }
      }
      loop.settle()
      let resume: @Sendable (String) -> Void = { name in
        passes.update { $0[name, default: []].append(pass()) }
        resumedBy.value[name]?.resume()
      }
      context.schedule { resume("bottom half") }
      pipe.write()
      try context.setHandler(
        for: pipe.reader,
        onReadable: {
          pipe.drain()
          resume("handler")
        })
      let timer = context.makeTimer { resume("timer") }
      timer.arm(at: 0)
      #expect(
        loop.run { passes.value.values.allSatisfy { $0.count == 2 } && passes.value.count == 3 })
      for name in names { #expect(passes.value[name]?.first == passes.value[name]?.last) }
      context.removeHandler(for: pipe.reader)
    }

    /// A task that never waits for anything is no reason for anything else to wait.
    @Test(arguments: Combination.all)
    func jobsLeaveTheRestOfTheLoopItsTurn(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let stop = Flag()
      let yields = Counter()
      let stopped = Flag()
      Task(executorPreference: context.taskExecutor) {
        while !stop.isSet {
          yields.increment()
          await Task.yield()
        }
        stopped.set()
      }
      let served = Counter()
      let pipe = Pair.pipe()
      pipe.write()
      try context.setHandler(for: pipe.reader, onReadable: { served.increment() })
      let fired = Counter()
      let timer = context.makeTimer { fired.increment() }
      timer.arm(after: .milliseconds(5))
      let idle = Counter()
      if let mainContext = loop.mainContext {
        // Of lower priority it would have no turn: the context is ready all the time, as any source may be.
        attachCounting(idle, to: mainContext)
      }
      #expect(
        loop.run {
          served.value > 10 && fired.value == 1 && (loop.mainContext == nil || idle.value > 10)
        })
      stop.set()
      #expect(loop.run { stopped.isSet })
      #expect(yields.value > 10)
      context.removeHandler(for: pipe.reader)
    }

    private func attachCounting(_ counter: Counter, to mainContext: MainContext) {
      let source = g_idle_source_new()!
      g_source_set_priority(source, G_PRIORITY_DEFAULT)
      g_source_set_callback(
        source,
        { data in
          Unmanaged<Counter>.fromOpaque(data!).takeUnretainedValue().increment()
          return 1
        }, Unmanaged.passRetained(counter).toOpaque(),
        { Unmanaged<Counter>.fromOpaque($0!).release() })
      g_source_attach(source, mainContext.pointer)
      g_source_unref(source)
    }

    /// A run ends after a while, be its jobs slow ones.
    @Test func slowJobsAreSpreadOverPasses() throws {
      let context = try AioContext(name: "slow")
      let ran = Counter()
      for _ in 0..<40 {
        Task(executorPreference: context.taskExecutor) {
          sleep(milliseconds: 1)
          ran.increment()
        }
      }
      context.poll(blocking: false)
      #expect(ran.value >= 8)
      #expect(ran.value <= 16)
      while ran.value < 40 { context.poll(blocking: true) }
      #expect(context.statistics.jobsRun == 40)
    }

    /// A job that runs the loop has the jobs behind it run in there.
    @Test(arguments: Combination.all)
    func jobsRunInsideANestedLoop(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let inner = Flag()
      let order = Log()
      Task(executorPreference: context.taskExecutor) {
        nest(loop, until: inner)
        order.add("outer")
      }
      Task(executorPreference: context.taskExecutor) {
        await Task.yield()
        order.add("inner")
        inner.set()
      }
      #expect(loop.run { order.value.count == 2 })
      #expect(order.value == ["inner", "outer"])
    }

    @Test func aTaskHopsBetweenContexts() async throws {
      let first = try IOThread(name: "first")
      let second = try IOThread(name: "second")
      let actors = [Pinned(first.context), Pinned(second.context)]
      for index in 0..<1_000 {
        await actors[index % 2].add(index)
        #expect(await actors[index % 2].isHome)
      }
      #expect(await actors[0].log.count == 500)
      #expect(await actors[1].log == (0..<500).map { 2 * $0 + 1 })
      first.stop()
      second.stop()
    }

    @Test func aContextThatGoesWithJobsTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        var context: AioContext? = try AioContext(name: "busy")
        for _ in 0..<3 { Task(executorPreference: context!.taskExecutor) {} }
        context = nil
      }
      expectSentence("3 jobs of tasks have not run", in: result)
    }

    @Test func aJobThatComesAfterItsContextTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        var context: AioContext? = try AioContext(name: "gone")
        let executor = context!.taskExecutor
        context = nil
        Task(executorPreference: executor) {}
      }
      expectSentence("was resumed on AioContext 'gone' after that was destroyed", in: result)
    }
  }
}

extension Pinned {
  fileprivate func addOnItsOwn(_ value: Int) async {
    preconditionIsolated()
    await Task.yield()
    add(value)
  }
}

/// Runs the loop in a callback, or a job.
private func nest(_ loop: TestLoop, until flag: Flag) {
  while !flag.isSet { loop.iterate(blocking: true) }
}

private nonisolated func nowhere(_ body: @Sendable () -> Bool) async -> Bool { body() }
