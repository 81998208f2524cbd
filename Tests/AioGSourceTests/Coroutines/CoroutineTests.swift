// Coroutines on their contexts: who runs when. Contract 17.

import CTestSupport
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct CoroutineTests {
    // 17.1
    @Test(arguments: Combination.all)
    func scheduledOnesRunInOrderOnTheHomeThread(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log()
      let coroutines = (0..<3).map { index in
        Coroutine(name: "\(index)") {
          log.add("\(index) \(context.isHomeThread)")
          await Coroutine.yield()
          log.add("\(index) again")
        }
      }
      TestThread { for coroutine in coroutines { context.schedule(coroutine) } }.join()
      #expect(log.value.isEmpty)
      #expect(loop.run { log.value.count == 3 })
      #expect(log.value == ["0 true", "1 true", "2 true"])
      loop.settle()
      #expect(log.value.count == 3)
      TestThread { for coroutine in coroutines.reversed() { context.schedule(coroutine) } }.join()
      #expect(loop.run { log.value.count == 6 })
      #expect(log.value[3...] == ["2 again", "1 again", "0 again"])
      loop.settle()
      #expect(coroutines.allSatisfy { $0.hasEnded })
    }

    // 17.2
    @Test(arguments: Combination.all)
    func enteredAtHomeItRunsAtOnce(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.iterate()
      let log = Log()
      let coroutine = Coroutine {
        log.add("first")
        await Coroutine.yield()
        log.add("second")
        try? await context.sleep(for: .milliseconds(1))
        log.add("third")
      }
      // Outside of passes, and in a callback.
      context.enter(coroutine)
      #expect(log.value == ["first"])
      context.schedule {
        log.add("before")
        context.enter(coroutine)
        log.add("after")
      }
      #expect(loop.run { log.value.count == 5 })
      #expect(log.value == ["first", "before", "second", "after", "third"])
      loop.settle()
      #expect(coroutine.hasEnded)
    }

    @Test(arguments: Combination.all)
    func enteredElsewhereItIsScheduled(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.iterate()
      let home = Box<[Bool]>([])
      let coroutine = Coroutine {
        home.update { $0.append(context.isHomeThread) }
        await Coroutine.yield()
        home.update { $0.append(context.isHomeThread) }
      }
      TestThread { context.enter(coroutine) }.join()
      #expect(home.value.isEmpty)
      #expect(loop.run { home.value.count == 1 })
      // Woken by a thread that is nobody's home.
      TestThread { coroutine.wake() }.join()
      #expect(loop.run { home.value.count == 2 })
      #expect(home.value == [true, true])
    }

    @Test(arguments: Combination.all)
    func enteredInACoroutineItRunsAfterThatYields(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.iterate()
      let log = Log()
      let second = Coroutine(name: "second") { log.add("second") }
      let grandchild = Coroutine(name: "grandchild") { log.add("grandchild") }
      let first = Coroutine(name: "first") {
        context.enter(grandchild)
        log.add("first")
      }
      let outer = Coroutine(name: "outer") {
        context.enter(first)
        context.enter(second)
        log.add("outer")
        await Coroutine.yield()
        log.add("outer again")
      }
      context.enter(outer)
      // Depth first.
      #expect(log.value == ["outer", "first", "grandchild", "second"])
      outer.wake()
      #expect(log.value == ["outer", "first", "grandchild", "second"])
      #expect(loop.run { log.value.count == 5 })
      loop.settle()
      #expect(outer.hasEnded)
    }

    // 17.2: two that enter each other.
    @Test(arguments: Combination.all)
    func enteringEachOtherGrowsNoStack(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.iterate()
      let rounds = Box(0)
      let depths = Box<Set<UInt>>([])
      let players = Box<[Coroutine]>([])
      let play: @Sendable (Int) async -> Void = { index in
        while true {
          let depth = UInt(aiogs_test_stack_address())
          depths.update { $0.insert(depth) }
          rounds.update { $0 += 1 }
          if rounds.value >= 50_000 { return }
          context.enter(players.value[1 - index])
          await Coroutine.yield()
        }
      }
      players.value = [0, 1].map { index in Coroutine(name: "\(index)") { await play(index) } }
      context.enter(players.value[0])
      #expect(rounds.value == 50_000)
      let span = depths.value.max()! - depths.value.min()!
      #expect(span < 4096, "the frames are \(span) bytes apart")
      // One of the two waits for good: it is resumed, so that it ends.
      for player in players.value where !player.hasEnded { context.enter(player) }
      players.value = []
    }

    // 17.1, 17.3: from another thread it may come before the yield.
    @Test(arguments: Combination.all)
    func wokenBeforeItYieldsItGoesOnWhenItHas(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log()
      let coroutine = Coroutine {
        let current = Coroutine.current!
        TestThread { current.wake() }.join()
        log.add("woken")
        await Coroutine.yield()
        log.add("yielded")
        // By itself, on its own context.
        context.schedule(current)
        await Coroutine.yield()
        log.add("scheduled by itself")
      }
      context.schedule(coroutine)
      #expect(loop.run { log.value.count == 3 })
      #expect(log.value == ["woken", "yielded", "scheduled by itself"])
    }

    @Test(arguments: Combination.all)
    func wokenByManyThreadsInTurn(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let rounds = Counter()
      let wanted = Counter()
      let hasBegun = Flag()
      let coroutine = Coroutine {
        hasBegun.set()
        while rounds.value < 4_000 {
          await Coroutine.yield()
          rounds.increment()
        }
      }
      context.schedule(coroutine)
      let threads = (0..<2).map { index in
        TestThread {
          while true {
            // Each its own half of the rounds, one after the other.
            let round = rounds.value
            if round >= 4_000 { return }
            if hasBegun.isSet && round % 2 == index && wanted.value == round {
              wanted.increment()
              coroutine.wake()
            }
          }
        }
      }
      #expect(loop.run { coroutine.hasEnded })
      for thread in threads { thread.join() }
      #expect(rounds.value == 4_000)
    }

    // 17.4
    @Test func movesBetweenContexts() throws {
      let threads = try ["first", "second"].map { try IOThread(name: $0) }
      let wrong = Counter()
      let coroutine = Coroutine(name: "traveller") {
        for hop in 0..<10_000 {
          let target = threads[hop % 2].context
          await Coroutine.reschedule(on: target)
          if AioContext.current !== target || !target.isHomeThread { wrong.increment() }
          // There already: nothing happens.
          if hop % 100 == 0 { await Coroutine.reschedule(on: target) }
        }
      }
      threads[0].context.schedule(coroutine)
      while !coroutine.hasEnded { sleep(milliseconds: 1) }
      #expect(wrong.value == 0)
      for thread in threads { thread.stop() }
    }

    @Test(arguments: Combination.all)
    func whatItAwaitsContinuesOnItsContext(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let thread = try IOThread(name: "other")
      let context = loop.context
      let places = Log()
      let coroutine = Coroutine {
        let place: @Sendable () -> String = {
          context.isHomeThread ? "here" : thread.context.isHomeThread ? "there" : "nowhere"
        }
        try? await context.sleep(for: .milliseconds(1))
        places.add(place())
        async let child = place()
        places.add(await child)
        await Coroutine.reschedule(on: thread.context)
        places.add(place())
        try? await thread.context.sleep(for: .milliseconds(1))
        try? await context.sleep(for: .milliseconds(1))
        places.add(place())
        await Coroutine.reschedule(on: context)
        places.add(place())
      }
      context.schedule(coroutine)
      #expect(loop.run { coroutine.hasEnded })
      #expect(places.value == ["here", "here", "there", "there", "here"])
      thread.stop()
    }

    // 17.6
    @Test(arguments: Combination.all)
    func knowsWhoRuns(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.iterate()
      #expect(Coroutine.current == nil)
      let seen = Box<[Coroutine?]>([])
      let coroutine = Coroutine {
        seen.update { $0.append(Coroutine.current) }
        await Coroutine.yield()
        seen.update { $0.append(Coroutine.current) }
        // A task of its own is another's.
        async let child = Coroutine.current
        let inChild = await child
        seen.update { $0.append(inChild) }
        let started = await Task { Coroutine.current }.value
        seen.update { $0.append(started) }
        let pinned = Pinned(context)
        let inActor = await pinned.coroutine
        seen.update { $0.append(inActor) }
      }
      context.enter(coroutine)
      #expect(Coroutine.current == nil)
      context.schedule { seen.update { $0.append(Coroutine.current) } }
      #expect(loop.run { seen.value.count == 2 })
      context.schedule(coroutine)
      #expect(loop.run { coroutine.hasEnded })
      #expect(seen.value == [coroutine, nil, coroutine, nil, nil, coroutine])
    }

    /// From an actor's code on its own context it may; from another thread it may not.
    @Test(arguments: Combination.all)
    func yieldsInAnActorsCode(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.iterate()
      let pinned = Pinned(context)
      let log = Log()
      let entered = Coroutine(name: "entered") { log.add("entered") }
      let coroutine = Coroutine(name: "yielding") {
        await pinned.yield(log, entering: entered)
        log.add("back")
      }
      context.enter(coroutine)
      #expect(loop.run { log.value.count == 2 })
      #expect(log.value == ["yielding", "entered"])
      loop.settle()
      #expect(log.value.count == 2)
      coroutine.wake()
      #expect(loop.run { log.value.count == 4 })
      #expect(log.value == ["yielding", "entered", "yielded", "back"])
    }

    /// A coroutine of another context's is none here, though its code calls: what it enters runs there and then.
    @Test(arguments: Combination.all)
    func enteredByACoroutineOfAnotherContextItRunsAtOnce(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.iterate()
      let thread = try IOThread(name: "another")
      let pinned = Pinned(context)
      let log = Log()
      let woken = Coroutine(name: "woken") {
        log.add("first \(context.isHomeThread)")
        await Coroutine.yield()
        log.add("second \(context.isHomeThread)")
      }
      let foreigner = Coroutine(name: "foreigner") {
        await pinned.enter(woken, log)
        log.add("back \(thread.context.isHomeThread)")
      }
      thread.context.schedule(foreigner)
      #expect(loop.run { log.value.count >= 4 })
      while !foreigner.hasEnded { sleep(milliseconds: 1) }
      thread.stop()
      #expect(log.value == ["first true", "entered", "second true", "woken", "back true"])
    }

    @Test(arguments: Combination.all)
    func cancellingItCancelsWhatItAwaits(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let errors = Box<[Errno]>([])
      let body: @Sendable () async -> Void = {
        do throws(Errno) {
          try await context.sleep(for: .seconds(1_000))
        } catch {
          errors.update { $0.append(error) }
        }
      }
      let running = Coroutine(body)
      context.schedule(running)
      loop.settle()
      TestThread { running.cancel() }.join()
      let late = Coroutine(body)
      late.cancel()
      context.schedule(late)
      #expect(loop.run { errors.value == [.canceled, .canceled] })
      #expect(running != late)
    }
  }
}

extension Pinned {
  fileprivate func enter(_ coroutine: Coroutine, _ log: Log) {
    context.enter(coroutine)
    log.add("entered")
    coroutine.wake()
    log.add("woken")
  }

  fileprivate var coroutine: Coroutine? { Coroutine.current }

  func yield(_ log: Log, entering coroutine: Coroutine?) async {
    log.add("yielding")
    if let coroutine { context.enter(coroutine) }
    await Coroutine.yield()
    preconditionIsolated()
    log.add("yielded")
  }
}
