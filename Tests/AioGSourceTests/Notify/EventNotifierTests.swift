// Contract 8.

import CTestSupport
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct EventNotifierTests {
    @Test func setsCoalesce() throws {
      let notifier = try EventNotifier()
      #expect(!notifier.testAndClear())
      for _ in 0..<100 { try notifier.set() }
      #expect(notifier.testAndClear())
      #expect(!notifier.testAndClear())
    }

    @Test func activeAtBirthIsSet() throws {
      let notifier = try EventNotifier(active: true)
      #expect(notifier.testAndClear())
      #expect(!notifier.testAndClear())
    }

    @Test func aPipeServesWhereThereIsNoEventfd() throws {
      let notifier = try EventNotifier(pipe: .system)
      for _ in 0..<20_000 { try notifier.set() }
      #expect(notifier.testAndClear())
      #expect(!notifier.testAndClear())
    }

    @Test func withoutEventfdAPipeIsMadeByItself() throws {
      let made = Box<EventNotifier?>(nil)
      let denied = Box<CInt>(-1)
      TestThread {
        denied.value = aiogs_test_deny_eventfd()
        made.value = try? EventNotifier(active: true)
      }.join()
      #expect(denied.value == 0)
      let notifier = try #require(made.value)
      #expect(notifier.testAndClear())
      // An eventfd takes no short write; a pipe does.
      try notifier.set()
      #expect(notifier.testAndClear())
      #expect(!notifier.testAndClear())
    }

    @Test func adoptingTakesOverTheDescriptor() throws {
      let before = openDescriptors()
      do {
        let first = try EventNotifier()
        let copy = try first.fileDescriptor.duplicate()
        let notifier = EventNotifier(adopting: copy)
        try first.set()
        #expect(notifier.testAndClear())
        #expect(!first.testAndClear())
      }
      #expect(openDescriptors() == before)
    }

    @Test func closedItIsHarmless() throws {
      let notifier = try EventNotifier()
      notifier.close()
      notifier.close()
      #expect(!notifier.testAndClear())
      #expect(throws: Errno.badFileDescriptor) { try notifier.set() }
      #expect(notifier.fileDescriptor.rawValue == -1)
    }
  }
}
