// What the reader-writer lock says to those who give up what they do not hold.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct AsyncReadWriteLockTrapTests {
    @Test func endingAReadingThatIsNone() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let lock = AsyncReadWriteLock(name: "table")
        _ = lock.tryWriteLock()
        lock.readUnlock()
      }
      expectSentence(
        "AsyncReadWriteLock 'table' was unlocked for reading while nobody reads", in: result)
    }

    @Test func endingAWritingThatIsNone() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let lock = AsyncReadWriteLock(name: "table")
        _ = lock.tryReadLock()
        lock.writeUnlock()
      }
      expectSentence(
        "AsyncReadWriteLock 'table' was unlocked for writing while nobody writes", in: result)
    }

    @Test func downgradingWithoutWriting() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let lock = AsyncReadWriteLock(name: "table")
        _ = lock.tryReadLock()
        lock.downgrade()
      }
      expectSentence(
        "AsyncReadWriteLock 'table' was downgraded while nobody writes", in: result)
    }

    @Test func upgradingWithoutReading() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let lock = AsyncReadWriteLock(name: "table")
        _ = lock.tryWriteLock()
        await lock.upgrade()
      }
      expectSentence(
        "AsyncReadWriteLock 'table' was upgraded while nobody reads", in: result)
    }

    @Test func theEndOfABodyThatHoldsNothing() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let lock = AsyncReadWriteLock(name: "table")
        await lock.withReadLock { lock.readUnlock() }
      }
      expectSentence(
        "AsyncReadWriteLock 'table' was unlocked while nobody holds it", in: result)
    }

    @Test func destroyingALockedOne() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        _ = AsyncReadWriteLock(name: "table").tryReadLock()
      }
      expectSentence(
        "AsyncReadWriteLock 'table' was destroyed while it is locked", in: result)
    }
  }
}
