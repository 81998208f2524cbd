// When completions are called: in a pass, before bottom halves, never within the call that made the request, and also by
// a loop nested in another completion. Contract 13.1, 18.2, 19.5, 21.4, 24 (2ae361ef1d), 25.

import CGLib
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct CompletionTests {
    @Test(arguments: EngineCombination.all)
    func aCompletionMayWaitForAnotherInALoopOfItsOwn(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(8_192))
      let log = Log()
      let second = Flag()
      loop.engine.withBatch {
        loop.engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 4_096)) { _ in
          log.add("first begins")
          while !second.isSet { loop.context.poll(blocking: true) }
          log.add("first ends")
        }
        loop.engine.read(from: file.descriptor, at: 4_096, into: AIOBuffer(count: 4_096)) { _ in
          log.add("second")
          second.set()
        }
      }
      #expect(loop.loop.run { log.value.count >= 3 })
      loop.loop.settle()
      // Either may be reported first.
      #expect(
        log.value == ["first begins", "second", "first ends"]
          || log.value == ["second", "first begins", "first ends"])
    }

    @Test(arguments: EngineCombination.all)
    func nestedLoopsReportEachRequestOnce(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(4_096))
      let reported = Counter()
      let depth = Counter()
      loop.engine.withBatch {
        for _ in 0..<50 {
          loop.engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 4_096)) { _ in
            reported.increment()
            if depth.increment() < 20 { loop.context.poll(blocking: false) }
          }
        }
      }
      #expect(loop.loop.run { reported.value == 50 })
      loop.loop.settle()
      #expect(reported.value == 50)
    }

    @Test(arguments: EngineCombination.all)
    func aPassBeginsWithCompletions(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(4_096))
      let log = Log()
      loop.engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 16)) { _ in
        log.add("completion")
      }
      // It is there by now, from the page cache.
      let timer = loop.context.makeTimer { log.add("timer") }
      timer.arm(at: 0)
      let bottomHalf = loop.context.makeBottomHalf { log.add("bottom half") }
      bottomHalf.schedule()
      #expect(loop.loop.run { log.value.count == 3 })
      #expect(log.value == ["completion", "bottom half", "timer"])
    }

    @Test(arguments: EngineCombination.all)
    func aChainOfRequestsDoesNotHoldTheLoop(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(4_096))
      final class Chain: @unchecked Sendable {
        var count = 0
        var isOver = false
      }
      let chain = Chain()
      let buffer = AIOBuffer(count: 512)
      @Sendable func next() {
        if chain.isOver { return }
        loop.engine.read(from: file.descriptor, at: 0, into: buffer) { _ in
          chain.count += 1
          next()
        }
      }
      next()
      // Completions that make the next request at once leave room for whatever else is to be done.
      let ticks = Counter()
      let timer = Box<AioTimer?>(nil)
      timer.value = loop.context.makeTimer {
        if ticks.increment() < 5 { timer.value?.arm(after: .milliseconds(1)) }
      }
      timer.value?.arm(after: .milliseconds(1))
      #expect(loop.loop.run { ticks.value == 5 })
      chain.isOver = true
      let count = chain.count
      #expect(count > 5)
      loop.loop.settle()
      timer.value = nil
    }

    /// The seed's engine had to be told: a request made between GLib's prepare and its poll was not submitted until
    /// something else happened.
    @Test(arguments: EngineCombination.all.filter { $0.loop.driver == .glib })
    func aRequestMadeInAnotherSourcesPrepareIsNotSleptOn(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let mainContext = try #require(loop.loop.mainContext)
      let file = try TemporaryFile(randomBytes(4_096))
      let done = Flag()
      loop.loop.settle()
      let source = PreparingSource(attachedTo: mainContext)
      source.onPrepare = {
        loop.engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 16)) { _ in
          done.set()
        }
      }
      let start = monotonicNow()
      #expect(loop.loop.run { done.isSet })
      #expect(monotonicNow() - start < 1_000_000_000)
      source.destroy()
    }

    @Test(arguments: EngineCombination.all.filter { $0.loop.driver == .glib })
    func neitherIsAFullBatchOfThem(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let mainContext = try #require(loop.loop.mainContext)
      let file = try TemporaryFile(randomBytes(4_096))
      let done = Counter()
      loop.engine.maximumBatch = 4
      loop.loop.settle()
      let source = PreparingSource(attachedTo: mainContext)
      source.onPrepare = {
        loop.engine.withBatch {
          for _ in 0..<4 {
            loop.engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 16)) { _ in
              done.increment()
            }
          }
        }
      }
      #expect(loop.loop.run(limit: .seconds(2)) { done.value == 4 })
      source.destroy()
    }

    @Test(arguments: EngineCombination.all.filter { $0.loop.driver == .glib })
    func aJobCancelledInAnotherSourcesPrepareIsNotSleptOn(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let mainContext = try #require(loop.loop.mainContext)
      let pool = loop.context.threadPool
      try pool.setThreads(minimum: 0, maximum: 1)
      let mayEnd = Flag()
      let ended = Flag()
      let cancelled = Flag()
      pool.submit(
        { while !mayEnd.isSet { sleep(milliseconds: 1) } }, completion: { _ in ended.set() })
      let job = pool.submit({}, completion: { _ in cancelled.set() })
      loop.loop.settle()
      let source = PreparingSource(attachedTo: mainContext)
      source.onPrepare = { job.cancel() }
      #expect(loop.loop.run(limit: .seconds(2)) { cancelled.isSet })
      mayEnd.set()
      #expect(loop.loop.run { ended.isSet })
      source.destroy()
    }

    /// A callback that closes a descriptor too soon leaves an epoll set that speaks of a handler that is gone: a further
    /// pass of the same dispatch must not ask it.
    @Test(
      arguments: EngineCombination.all.filter { $0.loop == .init(driver: .glib, monitor: .epoll) })
    func aFurtherPassAsksNoMonitorThatFailed(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(4_096))
      let pair = Pair.pipe()
      let other = dup(pair.reader.rawValue)
      defer { close(other) }
      let hadFailed = Box<[Bool]>([])
      let mainContext = try #require(loop.loop.mainContext)
      try loop.context.setHandler(
        for: pair.reader,
        onReadable: {
          let reader = pair.reader
          pair.closeReader()
          loop.context.removeHandler(for: reader)
          // Finished at once, so that there is a further pass.
          loop.engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 16)) { _ in
            hadFailed.update { $0.append(loop.context.activeMonitor.failure != nil) }
          }
        })
      loop.loop.settle()
      pair.write()
      for _ in 0..<100 where hadFailed.value.isEmpty { mainContext.iteration(mayBlock: true) }
      #expect(hadFailed.value == [false])
    }

    /// Contract 14: a loop of somebody else's asks whether there is something, and dispatches it.
    @Test(arguments: EngineCombination.all)
    func aCompletionIsPendingForALoopOfSomebodyElses(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(4_096))
      loop.loop.settle()
      for inPass in [false, true] {
        let done = Flag()
        @Sendable func read() {
          loop.engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 16)) { _ in
            done.set()
          }
        }
        if inPass {
          loop.context.schedule { read() }
          loop.context.dispatch()
        } else {
          read()
        }
        for _ in 0..<1_000 where !done.isSet {
          loop.context.prepare()
          sleep(milliseconds: 1)
          if loop.context.isPending { loop.context.dispatch() }
        }
        #expect(done.isSet)
      }
    }

    @Test(arguments: EngineCombination.all)
    func otherSourcesAreServedWhileRequestsCompleteAtOnce(_ combination: EngineCombination) throws {
      guard combination.loop.driver == .glib else { return }
      let loop = try EngineLoop(combination)
      let mainContext = try #require(loop.loop.mainContext)
      let file = try TemporaryFile(randomBytes(4_096))
      let isOver = Flag()
      let buffer = AIOBuffer(count: 4_096)
      @Sendable func next() {
        if isOver.isSet { return }
        loop.engine.read(from: file.descriptor, at: 0, into: buffer) { _ in next() }
      }
      next()
      let calls = Box({})
      let served = Flag()
      calls.value = { served.set() }
      attach(urgentSource(calls), to: mainContext)
      let start = monotonicNow()
      #expect(loop.loop.run { served.isSet })
      #expect(monotonicNow() - start < 1_000_000_000)
      isOver.set()
      loop.loop.settle()
    }

    @Test(arguments: EngineCombination.all)
    func busyPollingSeesCompletionsToo(_ combination: EngineCombination) throws {
      let loop = try TestLoop(combination.loop, polling: .wide)
      let engine = try loop.context.engine(combination.engine)
      let file = try TemporaryFile(randomBytes(1 << 16), direct: true)
      for _ in 0..<20 {
        let done = Flag()
        engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 1 << 16)) { result in
          #expect(result == .success(1 << 16))
          done.set()
        }
        #expect(loop.run { done.isSet })
      }
    }

    @Test(arguments: EngineCombination.all)
    func sleepingForACompletionCostsNothing(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      let done = Flag()
      loop.engine.receive(on: pair.reader, into: AIOBuffer(count: 1)) { _ in done.set() }
      loop.loop.settle()
      let before = loop.context.statistics
      let thread = TestThread {
        sleep(milliseconds: 100)
        pair.write()
      }
      #expect(loop.loop.run { done.isSet })
      thread.join()
      let after = loop.context.statistics
      #expect(after.passes - before.passes < 10)
      #expect(after.iterations - before.iterations < 10)
    }

    /// Leaving busy mode is the last thing before the sleep, and may call anything.
    @Test(arguments: EngineCombination.all.filter { $0.loop.driver == .poll })
    func aRequestMadeWhenBusyPollingEndsIsNotSleptOn(_ combination: EngineCombination) throws {
      let loop = try TestLoop(
        combination.loop, polling: PollingParameters(maximum: .milliseconds(50), grow: 1_000_000))
      let context = loop.context
      let engine = try context.engine(combination.engine)
      let file = try TemporaryFile(randomBytes(4_096), direct: true)
      let buffer = AIOBuffer(count: 4_096)
      let notifier = try EventNotifier()
      try context.setHandler(
        for: notifier, onReadable: { $0.testAndClear() }, poll: { _ in false })
      loop.openWindows(notifier)
      let made = Flag()
      let done = Flag()
      context.setPollTransitions(
        for: notifier, began: nil,
        ended: { _ in
          if made.isSet { return }
          made.set()
          engine.read(from: file.descriptor, at: 0, into: buffer) { _ in done.set() }
        })
      let start = monotonicNow()
      #expect(loop.run { done.isSet })
      #expect(monotonicNow() - start < 5_000_000_000)
      context.removeHandler(for: notifier)
    }
  }
}
