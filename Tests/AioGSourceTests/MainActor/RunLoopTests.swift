// Foundation's main run loop under GLib: each case in a process of its own that links Foundation; and what finds the run
// loop's descriptor, and says when it gets its turn.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct RunLoopTests {
    static let cases = [
      "timer", "repeating-timer", "timer-of-another-thread", "timer-in-the-common-modes",
      "timer-moved-and-invalidated",
      "perform-from-main", "perform-from-callbacks", "perform-from-another-thread",
      "perform-while-others-are-busy", "perform-in-a-pass", "perform-beside-the-turn",
      "main-operation-queue", "jobs-and-timers",
      "nested-in-a-timer", "nested-in-a-repeating-timer", "nested-in-a-performed-block",
      "timers-in-a-loop-nested-in-a-job", "run-loop-run-in-a-callback",
      "it-is-served", "without-its-descriptor", "a-timer-due-at-installation", "not-served",
      "remove-and-install-again", "a-loop-that-asks-for-pending-events-ends", "idle-second",
      "idle-second-with-a-later-timer", "descriptors-are-not-leaked",
    ]

    @Test(arguments: ["dispatch", "mainExecutor:mainContext"], cases)
    func itWorks(_ setup: String, _ name: String) throws {
      let outcome = try Program("RunLoopSuite", ["--mechanism", setup, name]).outcome()
      #expect(outcome.status == 0, "\(outcome.complaint)")
      #expect(outcome.output == MainActorTests.greeting(setup))
    }

    @Test func noCaseIsLeftOut() throws {
      let outcome = try Program("RunLoopSuite", ["--list"]).outcome()
      #expect(outcome.output.split(separator: "\n").map(String.init) == Self.cases)
    }

    // MARK: What the kernel says of descriptors

    @Test func whatTimeIsLeftOnATimerfd() {
      let text = """
        pos:\t0
        flags:\t02004002
        clockid: 1
        ticks: 0
        settime flags: 01
        it_value: (123, 456000000)
        it_interval: (7, 0)

        """
      #expect(DescriptorInfo.timeLeft(text) == 123.456)
      #expect(DescriptorInfo.timeLeft("it_value: (0, 0)") == 0)
      for other in ["", "pos:\t0\nflags:\t02", "it_value:", "it_value: (1", "it_value: (1, 2, 3)"] {
        #expect(DescriptorInfo.timeLeft(other) == nil)
      }
    }

    @Test func whatAnEpollSetWatches() {
      let text = """
        pos:\t0
        tfd:        5 events: 80000019 data:                5  pos:0 ino:40e sdev:10
        tfd:       31 events: 80000019 data:                3  pos:0 ino:40e sdev:10

        """
      #expect(DescriptorInfo.watched(text) == [5, 31])
      #expect(DescriptorInfo.watched("") == [])
      #expect(DescriptorInfo.watched("tfd:\ntfd: x\npos: 3") == [])
    }

    // MARK: The turn

    @Test func theTurnComesAfterEachIterationAndOnlyThen() {
      var schedule = RunLoopSchedule()
      // What was there before is seen first.
      #expect(schedule.isTurnDue)
      schedule.iterationPolled()
      schedule.passBegins(isTurn: true)
      #expect(!schedule.isTurnDue)
      schedule.iterationPolled()
      #expect(schedule.isTurnDue)
      // A pass in an iteration in which others run is not the turn.
      schedule.passBegins(isTurn: false)
      #expect(schedule.isTurnDue)
      schedule.passBegins(isTurn: true)
      #expect(!schedule.isTurnDue)
      // What a source performs may be too late for the pass that it is in.
      schedule.passHandledSource()
      #expect(schedule.isTurnDue)
    }

    @Test func theTurnIsNotPassedOverForEver() {
      var schedule = RunLoopSchedule()
      for isTurn in [false, true, false] {
        for _ in 0..<RunLoopSchedule.patience {
          schedule.iterationPolled()
          #expect(!schedule.isOverdue)
        }
        schedule.iterationPolled()
        schedule.iterationPolled()
        #expect(schedule.isOverdue)
        schedule.passBegins(isTurn: isTurn)
        #expect(!schedule.isOverdue)
      }
      // It counts only while the turn is due.
      for _ in 0..<RunLoopSchedule.patience * 2 {
        schedule.passBegins(isTurn: true)
        schedule.iterationPolled()
        #expect(!schedule.isOverdue)
      }
    }
  }
}
