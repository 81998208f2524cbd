// The reader-writer lock, one step at a time. The tasks run on an executor that the test runs by hand, so every order is
// the one that the test says.

import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct AsyncReadWriteLockTests {
    private let executor = TestExecutor()
    private let lock = AsyncReadWriteLock(name: "tested")
    private let log = Log()

    /// A task that logs when it reads, and goes on reading.
    @discardableResult
    private func startReader(_ name: String) -> Task<Void, any Error> {
      executor.start { [lock, log] in
        do throws(Errno) {
          try await lock.readLockUnlessCancelled()
          log.add("\(name) reads")
        } catch {
          log.add("\(name): \(error == .canceled ? "cancelled" : "\(error)")")
        }
      }
    }

    /// A task that logs when it writes, and goes on writing.
    @discardableResult
    private func startWriter(_ name: String) -> Task<Void, any Error> {
      executor.start { [lock, log] in
        do throws(Errno) {
          try await lock.writeLockUnlessCancelled()
          log.add("\(name) writes")
        } catch {
          log.add("\(name): \(error == .canceled ? "cancelled" : "\(error)")")
        }
      }
    }

    /// What was logged since the last time.
    private func newLines() -> [String] {
      executor.run()
      defer { log.value = [] }
      return log.value
    }

    private func expectFree() {
      #expect(lock.readerCount == 0 && !lock.isWriteLocked && lock.waiting == 0)
    }

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

    // MARK: Downgrade

    @Test func aDowngradeLetsTheFirstReadersInAndNoWriterBeforeThem() {
      startWriter("a")
      startReader("b")
      startReader("c")
      startWriter("d")
      startReader("e")
      #expect(newLines() == ["a writes"])
      lock.downgrade()
      #expect(newLines() == ["b reads", "c reads"])
      #expect(lock.readerCount == 3 && !lock.isWriteLocked)
      for _ in 0..<3 { lock.readUnlock() }
      #expect(newLines() == ["d writes"])
      lock.downgrade()
      #expect(newLines() == ["e reads"])
      lock.readUnlock()
      lock.readUnlock()
      expectFree()
    }

    @Test func aDowngradeBehindWhichAWriterWaitsLetsNobodyIn() {
      startWriter("a")
      startWriter("b")
      startReader("c")
      #expect(newLines() == ["a writes"])
      lock.downgrade()
      #expect(newLines() == [])
      #expect(lock.readerCount == 1)
      lock.readUnlock()
      #expect(newLines() == ["b writes"])
      lock.writeUnlock()
      #expect(newLines() == ["c reads"])
      lock.readUnlock()
    }

    @Test func theBodyOfAWriteLockMayEndAsAReader() async {
      await lock.withWriteLock {
        lock.downgrade()
        #expect(lock.readerCount == 1)
      }
      expectFree()
    }

    // MARK: Upgrade

    /// Ends when the test opens it.
    private final class Gate: @unchecked Sendable {
      private var continuation: UnsafeContinuation<Void, Never>?
      func wait() async { await withUnsafeContinuation { continuation = $0 } }
      func open() { continuation.take()!.resume() }
    }

    /// A reader that upgrades when the gate opens.
    private func startUpgrader(_ name: String, unlessCancelled: Bool = false) -> (
      gate: Gate, task: Task<Void, any Error>
    ) {
      let gate = Gate()
      let task = executor.start { [lock, log] in
        await lock.readLock()
        log.add("\(name) reads")
        await gate.wait()
        do throws(Errno) {
          let hadToWait =
            unlessCancelled ? try await lock.upgradeUnlessCancelled() : await lock.upgrade()
          log.add("\(name) writes \(hadToWait ? "later" : "at once")")
        } catch {
          log.add("\(name): \(error == .canceled ? "cancelled" : "\(error)")")
        }
      }
      return (gate, task)
    }

    @Test func theOnlyReaderIsUpgradedAtOnce() {
      let (gate, _) = startUpgrader("a")
      #expect(newLines() == ["a reads"])
      gate.open()
      #expect(newLines() == ["a writes at once"])
      #expect(lock.isWriteLocked && lock.readerCount == 0)
      lock.writeUnlock()
      expectFree()
    }

    @Test func oneOfTwoReadersIsUpgradedWhenTheOtherHasEnded() {
      let (gate, _) = startUpgrader("a")
      startReader("b")
      #expect(newLines() == ["a reads", "b reads"])
      gate.open()
      #expect(newLines() == [])
      #expect(lock.readerCount == 1)
      lock.readUnlock()
      #expect(newLines() == ["a writes later"])
      lock.writeUnlock()
      expectFree()
    }

    @Test func anUpgradeComesAfterThoseWhoWaited() {
      let (gate, _) = startUpgrader("a")
      startWriter("b")
      startReader("c")
      #expect(newLines() == ["a reads"])
      gate.open()
      // It stopped reading, and so let the writer in.
      #expect(newLines() == ["b writes"])
      lock.writeUnlock()
      #expect(newLines() == ["c reads"])
      lock.readUnlock()
      #expect(newLines() == ["a writes later"])
      lock.writeUnlock()
      expectFree()
    }

    @Test func twoThatUpgradeDoNotWaitForEachOther() {
      let (first, _) = startUpgrader("a")
      let (second, _) = startUpgrader("b")
      #expect(newLines() == ["a reads", "b reads"])
      first.open()
      #expect(newLines() == [])
      second.open()
      #expect(newLines() == ["a writes later"])
      lock.writeUnlock()
      #expect(newLines() == ["b writes later"])
      lock.writeUnlock()
      expectFree()
    }

    @Test func theBodyOfAReadLockMayEndAsAWriter() async {
      await lock.withReadLock {
        #expect(await lock.upgrade() == false)
        #expect(lock.isWriteLocked)
      }
      expectFree()
    }

    @Test(arguments: [false, true])
    func anUpgradeThatIsCancelledHoldsNothing(_ isCancelledBefore: Bool) {
      let (gate, task) = startUpgrader("a", unlessCancelled: true)
      startReader("b")
      startReader("c")
      #expect(newLines() == ["a reads", "b reads", "c reads"])
      if isCancelledBefore { task.cancel() }
      gate.open()
      if !isCancelledBefore {
        #expect(newLines() == [])
        startReader("d")
        #expect(newLines() == [])
        task.cancel()
        #expect(newLines() == ["d reads", "a: cancelled"])
        lock.readUnlock()
      } else {
        #expect(newLines() == ["a: cancelled"])
      }
      #expect(lock.readerCount == 2)
      lock.readUnlock()
      lock.readUnlock()
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
