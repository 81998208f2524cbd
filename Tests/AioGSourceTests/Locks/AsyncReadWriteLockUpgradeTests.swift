// From writing to reading and from reading to writing, one step at a time, as in AsyncReadWriteLockTests.

import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct AsyncReadWriteLockUpgradeTests: ReadWriteLockTesting {
    let executor = TestExecutor()
    let lock = AsyncReadWriteLock(name: "tested")
    let log = Log()

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
  }
}
