// Contract 5: what runs, how often, in which order.

import AioGSource
import Testing

extension AllTests {
  @Suite struct BottomHalfTests {
    @Test(arguments: Combination.all)
    func schedulingTwiceRunsOnce(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let runs = Counter()
      let bottomHalf = loop.context.makeBottomHalf { runs.increment() }
      bottomHalf.schedule()
      bottomHalf.schedule()
      #expect(loop.iterate())
      #expect(runs.value == 1)
      loop.settle()
      #expect(runs.value == 1)
    }

    @Test(arguments: Combination.all)
    func reschedulingItselfRunsInTheNextPass(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let runs = Counter()
      let handle = Box<BottomHalf?>(nil)
      handle.value = loop.context.makeBottomHalf {
        if runs.increment() < 3 { handle.value?.schedule() }
      }
      handle.value?.schedule()
      for expected in 1...3 {
        #expect(loop.iterate())
        #expect(runs.value == expected)
      }
      loop.settle()
      #expect(runs.value == 3)
      handle.value = nil
    }

    @Test(arguments: Combination.all)
    func onePassRunsInOrderOfScheduling(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let log = Log()
      let bottomHalves = (0..<50).map { index in
        loop.context.makeBottomHalf { log.add("\(index)") }
      }
      let order = [7, 3, 42, 0, 49, 11]
      for index in order { bottomHalves[index].schedule() }
      bottomHalves[3].schedule()
      loop.context.schedule { log.add("one-shot") }
      loop.iterate()
      #expect(log.value == order.map { "\($0)" } + ["one-shot"])
    }

    @Test(arguments: Combination.all)
    func schedulingAnotherFromACallbackRunsItInTheNextPass(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let log = Log()
      let second = loop.context.makeBottomHalf { log.add("second") }
      let first = loop.context.makeBottomHalf {
        log.add("first")
        second.schedule()
      }
      first.schedule()
      loop.iterate()
      #expect(log.value == ["first"])
      loop.iterate()
      #expect(log.value == ["first", "second"])
    }

    @Test(arguments: Combination.all)
    func cancelledDoesNotRun(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let runs = Counter()
      let bottomHalf = loop.context.makeBottomHalf { runs.increment() }
      bottomHalf.schedule()
      bottomHalf.cancel()
      loop.settle()
      #expect(runs.value == 0)
      bottomHalf.schedule()
      bottomHalf.cancel()
      bottomHalf.schedule()
      loop.settle()
      #expect(runs.value == 1)
    }

    @Test(arguments: Combination.all)
    func deletedDoesNotRunWhicheverCameFirst(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let runs = Counter()
      let deletedAfter = loop.context.makeBottomHalf { runs.increment() }
      deletedAfter.schedule()
      deletedAfter.delete()
      let deletedBefore = loop.context.makeBottomHalf { runs.increment() }
      deletedBefore.delete()
      deletedBefore.schedule()
      loop.settle()
      deletedAfter.schedule()
      loop.settle()
      #expect(runs.value == 0)
    }

    @Test(arguments: Combination.all)
    func deletingUnscheduledIsNotProgressAndReleasesTheCallback(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      weak var captured: Counter?
      let bottomHalf: BottomHalf
      do {
        let object = Counter()
        captured = object
        bottomHalf = loop.context.makeBottomHalf { object.increment() }
      }
      bottomHalf.delete()
      // At once on the home thread, in case the loop does not run again; from another thread with the next pass.
      #expect(captured == nil)
      #expect(loop.iterate() == (combination.driver == .glib))
      #expect(!loop.iterate())
    }

    @Test(arguments: Combination.all)
    func deletedByAnotherThreadItsCallbackIsReleasedByTheLoop(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      weak var captured: Counter?
      let bottomHalf: BottomHalf
      do {
        let object = Counter()
        captured = object
        bottomHalf = loop.context.makeBottomHalf { object.increment() }
      }
      TestThread { bottomHalf.delete() }.join()
      #expect(captured != nil)
      loop.iterate()
      #expect(captured == nil)
    }

    @Test(arguments: Combination.all)
    func whatIsLeftDeletedDoesNotKeepTheContextAlive(_ combination: Combination) throws {
      weak var observed: AioContext?
      do {
        let loop = try TestLoop(combination)
        let context = loop.context
        observed = context
        loop.settle()
        let bottomHalf = context.makeBottomHalf { context.notify() }
        bottomHalf.schedule()
        let pair = Pair.pipe()
        try context.setHandler(for: pair.reader, onReadable: { context.notify() })
        loop.iterate()
        context.removeHandler(for: pair.reader)
        bottomHalf.delete()
      }
      #expect(observed == nil)
    }

    @Test(arguments: Combination.all)
    func deletingItselfTakesExactlyOneMorePass(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      weak var captured: Token?
      let runs = Counter()
      let handle = Box<BottomHalf?>(nil)
      do {
        let token = Token {}
        captured = token
        handle.value = loop.context.makeBottomHalf {
          handle.value?.schedule()
          handle.value?.delete()
          // Deleted, it lasts until it returns.
          withExtendedLifetime(token) { _ = runs.increment() }
        }
      }
      handle.value?.schedule()
      #expect(loop.iterate())
      #expect(runs.value == 1)
      // Contract 3.4: one more iteration that dispatches, without a callback.
      let extra = loop.iterate()
      #expect(extra == (combination.driver == .glib))
      #expect(captured == nil)
      #expect(!loop.iterate())
      handle.value = nil
    }

    @Test(arguments: Combination.all)
    func deletingASiblingOfTheSamePassKeepsItFromRunning(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let log = Log()
      let second = Box<BottomHalf?>(nil)
      let first = loop.context.makeBottomHalf {
        log.add("first")
        second.value = nil
      }
      second.value = loop.context.makeBottomHalf { log.add("second") }
      first.schedule()
      second.value?.schedule()
      loop.settle()
      #expect(log.value == ["first"])
    }

    @Test(arguments: Combination.all)
    func lettingGoOfTheHandleDeletes(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let runs = Counter()
      var bottomHalf: BottomHalf? = loop.context.makeBottomHalf { runs.increment() }
      bottomHalf?.schedule()
      bottomHalf = nil
      loop.settle()
      #expect(runs.value == 0)
      #expect(!loop.context.debugDescription.contains("bottom half"))
    }

    @Test(arguments: Combination.all)
    func aOneShotRunsOnceAndIsGone(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      weak var captured: Counter?
      do {
        let runs = Counter()
        captured = runs
        let context = loop.context
        loop.context.schedule {
          runs.increment()
          if combination.driver == .poll { context.poll(blocking: false) }
        }
      }
      #expect(captured?.value == 0)
      loop.iterate()
      #expect(captured == nil)
      loop.settle()
    }

    @Test(arguments: Combination.all)
    func aNestedPassRunsTheRestOfTheOuterOneFirst(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let log = Log()
      let context = loop.context
      let late = context.makeBottomHalf { log.add("late") }
      let first = context.makeBottomHalf {
        log.add("first")
        late.schedule()
        #expect(context.poll(blocking: false))
        log.add("back")
      }
      let second = context.makeBottomHalf { log.add("second") }
      let third = context.makeBottomHalf { log.add("third") }
      first.schedule()
      second.schedule()
      third.schedule()
      loop.iterate()
      #expect(log.value == ["first", "second", "third", "late", "back"])
      loop.settle()
      #expect(log.value.count == 5)
    }

    @Test(arguments: Combination.all)
    func deletingInANestedPassOfItsOwnCallbackIsSafe(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let runs = Counter()
      let handle = Box<BottomHalf?>(nil)
      handle.value = context.makeBottomHalf {
        handle.value = nil
        context.poll(blocking: false)
        runs.increment()
      }
      handle.value?.schedule()
      loop.settle()
      #expect(runs.value == 1)
    }

    @Test(arguments: Combination.all)
    func callRunsHereAndNow(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let runs = Counter()
      let bottomHalf = loop.context.makeBottomHalf { runs.increment() }
      bottomHalf.call()
      #expect(runs.value == 1)
      loop.settle()
      #expect(runs.value == 1)
    }

    @Test(arguments: Combination.all)
    func pollingBottomHalvesRunsThemAlone(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let log = Log()
      let timer = loop.context.makeTimer { log.add("timer") }
      timer.arm(at: 0)
      loop.context.schedule { log.add("bottom half") }
      #expect(loop.context.pollBottomHalves())
      #expect(!loop.context.pollBottomHalves())
      #expect(log.value == ["bottom half"])
      timer.cancel()
    }
  }
}
