// What the tests of the reader-writer lock share: tasks on an executor that the test runs by hand, and their log.

import SystemPackage
import Testing

@testable import AioGSource

protocol ReadWriteLockTesting {
  var executor: TestExecutor { get }
  var lock: AsyncReadWriteLock { get }
  var log: Log { get }
}

extension ReadWriteLockTesting {
  /// A task that logs when it reads, and goes on reading.
  @discardableResult
  func startReader(_ name: String) -> Task<Void, any Error> {
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
  func startWriter(_ name: String) -> Task<Void, any Error> {
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
  func newLines() -> [String] {
    executor.run()
    defer { log.value = [] }
    return log.value
  }

  func expectFree() {
    #expect(lock.readerCount == 0 && !lock.isWriteLocked && lock.waiting == 0)
  }
}
