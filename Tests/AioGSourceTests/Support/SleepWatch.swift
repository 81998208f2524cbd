// Wakes a loop that sleeps on when it should not, from another thread, so that a walk that loses a wake-up fails and does
// not hang. One loop at a time; a sleep within another's callback takes its place. Its thread sleeps while nobody does.

@testable import AioGSource

final class SleepWatch: @unchecked Sendable {
  static let shared = SleepWatch()

  private static let limit: Int64 = 4_000_000_000

  private let lock = Lock()
  private let changed = Condition()
  private var loop: (AioContext, MainContext)?
  private var deadline: Int64 = 0
  private var hasWoken = false
  private var thread: TestThread?

  private init() {
    thread = TestThread { [unowned self] in
      lock.withLock {
        while true { look() }
      }
    }
  }

  private func look() {
    let left = loop == nil ? -1 : max(deadline - monotonicNow(), 0)
    if left != 0 {
      // Without a reference of our own to the loop, which may go meanwhile.
      _ = lock.wait(for: changed, atMost: left)
    } else if let (context, mainContext) = loop {
      hasWoken = true
      context.notify()
      mainContext.wakeUp()
      deadline += Self.limit
    }
  }

  func begin(_ context: AioContext, _ mainContext: MainContext) {
    lock.withLock {
      loop = (context, mainContext)
      deadline = monotonicNow() + Self.limit
      hasWoken = false
      changed.signal()
    }
  }

  /// True if it had to be woken.
  func end() -> Bool {
    lock.withLock {
      loop = nil
      return hasWoken
    }
  }
}
