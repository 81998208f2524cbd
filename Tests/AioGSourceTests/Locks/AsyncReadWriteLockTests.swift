// The reader-writer lock, one step at a time. The tasks run on an executor that the test runs by hand, so every order
// is the one that the test says.

import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct AsyncReadWriteLockTests: ReadWriteLockTesting {
    let executor = TestExecutor()
    let lock = AsyncReadWriteLock(name: "tested")
    let log = Log()

    // MARK: Readers and writers

    @Test func manyReadAtOnce() {
      for index in 0..<3 { startReader("\(index)") }
      #expect(newLines() == ["0 reads", "1 reads", "2 reads"])
      #expect(lock.readerCount == 3)
      #expect(lock.tryReadLock())
      #expect(!lock.tryWriteLock())
      for _ in 0..<4 { lock.readUnlock() }
      expectFree()
    }

    @Test func oneWritesAndIsAlone() {
      startWriter("a")
      startWriter("b")
      startReader("c")
      #expect(newLines() == ["a writes"])
      #expect(lock.isWriteLocked && lock.readerCount == 0)
      #expect(!lock.tryReadLock() && !lock.tryWriteLock())
      lock.writeUnlock()
      #expect(newLines() == ["b writes"])
      lock.writeUnlock()
      #expect(newLines() == ["c reads"])
      lock.readUnlock()
      expectFree()
    }

    @Test func aWriterThatWaitsStopsNewReaders() {
      startReader("a")
      startWriter("b")
      startReader("c")
      #expect(newLines() == ["a reads"])
      #expect(!lock.tryReadLock())
      lock.readUnlock()
      #expect(newLines() == ["b writes"])
      lock.writeUnlock()
      #expect(newLines() == ["c reads"])
      lock.readUnlock()
      expectFree()
    }

    @Test func theLastReaderLetsTheWriterIn() {
      startReader("a")
      startReader("b")
      startWriter("c")
      #expect(newLines() == ["a reads", "b reads"])
      lock.readUnlock()
      #expect(newLines() == [])
      lock.readUnlock()
      #expect(newLines() == ["c writes"])
      lock.writeUnlock()
      expectFree()
    }

    @Test func readersThatQueueOneAfterTheOtherEnterTogether() {
      startWriter("a")
      for name in ["b", "c", "d"] { startReader(name) }
      startWriter("e")
      startReader("f")
      #expect(newLines() == ["a writes"])
      lock.writeUnlock()
      #expect(newLines() == ["b reads", "c reads", "d reads"])
      for _ in 0..<3 { lock.readUnlock() }
      #expect(newLines() == ["e writes"])
      lock.writeUnlock()
      #expect(newLines() == ["f reads"])
      lock.readUnlock()
      expectFree()
    }

    @Test func nobodyComesBetweenTheUnlockAndTheWritersResumption() {
      startReader("a")
      startWriter("b")
      #expect(newLines() == ["a reads"])
      lock.readUnlock()
      #expect(!lock.tryReadLock() && !lock.tryWriteLock())
      startWriter("c")
      #expect(newLines() == ["b writes"])
      lock.writeUnlock()
      #expect(newLines() == ["c writes"])
      lock.writeUnlock()
    }

    @Test func aFreeLockIsTakenWithoutSuspending() {
      executor.start { [lock] in
        for _ in 0..<1_000 {
          await lock.readLock()
          let hadToWait = await lock.upgrade()
          #expect(!hadToWait)
          lock.downgrade()
          lock.readUnlock()
          await lock.withReadLock {}
          await lock.withWriteLock {}
          try await lock.readLockUnlessCancelled()
          try await lock.upgradeUnlessCancelled()
          lock.writeUnlock()
        }
      }
      executor.run()
      #expect(executor.enqueued == 1)
      expectFree()
    }

    @Test func anExecutorMayRunTheWaiterInsideOfTheUnlock() {
      let immediate = ImmediateExecutor()
      #expect(lock.tryWriteLock())
      for index in 0..<9 {
        Task(executorPreference: immediate) { [lock, log] in
          if index % 3 == 2 {
            await lock.writeLock()
            log.add("\(index)")
            lock.writeUnlock()
          } else {
            await lock.readLock()
            log.add("\(index)")
            lock.readUnlock()
          }
        }
      }
      lock.writeUnlock()
      #expect(log.value == (0..<9).map(String.init))
      expectFree()
    }

    @Test func aBodysErrorEndsWhatItHolds() async {
      do throws(Errno) {
        try await lock.withReadLock { () async throws(Errno) in throw .noSpace }
      } catch {
        #expect(error == .noSpace)
      }
      expectFree()
      do throws(Errno) {
        try await lock.withWriteLock { () async throws(Errno) in throw .noSpace }
      } catch {
        #expect(error == .noSpace)
      }
      expectFree()
    }

    // MARK: Cancellation

    @Test func aCancelledTaskDoesNotGetEvenAFreeLock() {
      startReader("a").cancel()
      startWriter("b").cancel()
      #expect(newLines() == ["a: cancelled", "b: cancelled"])
      expectFree()
    }

    @Test func aCancelledWriterLetsTheReadersBehindItIn() {
      startReader("a")
      let writer = startWriter("b")
      startReader("c")
      startReader("d")
      #expect(newLines() == ["a reads"])
      writer.cancel()
      #expect(lock.readerCount == 3)
      #expect(newLines().sorted() == ["b: cancelled", "c reads", "d reads"])
      for _ in 0..<3 { lock.readUnlock() }
      expectFree()
    }

    @Test func aCancelledReaderLeavesTheOthersTheirOrder() {
      startWriter("a")
      startReader("b")
      let reader = startReader("c")
      startWriter("d")
      #expect(newLines() == ["a writes"])
      reader.cancel()
      #expect(newLines() == ["c: cancelled"])
      lock.writeUnlock()
      #expect(newLines() == ["b reads"])
      lock.readUnlock()
      #expect(newLines() == ["d writes"])
      lock.writeUnlock()
      expectFree()
    }

    @Test func oneCancelledAfterItsTurnCameHasTheLock() {
      startWriter("a")
      let reader = startReader("b")
      #expect(newLines() == ["a writes"])
      lock.writeUnlock()
      reader.cancel()
      #expect(newLines() == ["b reads"])
      lock.readUnlock()
      expectFree()
    }

    @Test func aCancellationMakesNoDifferenceToThoseThatCannotBeCancelled() {
      #expect(lock.tryWriteLock())
      let reader = executor.start { [lock, log] in
        await lock.readLock()
        log.add("reads")
        lock.readUnlock()
      }
      let writer = executor.start { [lock, log] in
        await lock.writeLock()
        log.add("writes")
        lock.writeUnlock()
      }
      executor.run()
      reader.cancel()
      writer.cancel()
      #expect(newLines() == [])
      lock.writeUnlock()
      #expect(newLines() == ["reads", "writes"])
      expectFree()
    }
  }
}
