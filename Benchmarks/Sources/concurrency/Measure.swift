// Running a body of work on a loop, or on Swift's default executor, and how long a step of it took.

import AioGSource
import Glibc
import Synchronization

/// Nanoseconds by the monotonic clock.
func now() -> Int64 { AioClock.realtime.now }

final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}

extension AioContext {
  /// Nanoseconds a step of `body`, which takes `count` of them as a task of this context's.
  func measure(_ count: Int, _ body: @escaping @Sendable () async -> Void) -> Double {
    let done = Flag()
    let start = now()
    Task(executorPreference: taskExecutor) {
      await body()
      done.set()
    }
    while !done.isSet { poll(blocking: true) }
    return Double(now() - start) / Double(count)
  }

  /// The same for callbacks; `body` calls what it is given when it is done.
  func measure(_ count: Int, _ body: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void)
    -> Double
  {
    let done = Flag()
    let start = now()
    schedule { body { done.set() } }
    while !done.isSet { poll(blocking: true) }
    return Double(now() - start) / Double(count)
  }
}

/// The same on Swift's default executor.
func measureOnDefaultExecutor(_ count: Int, _ body: @escaping @Sendable () async -> Void) -> Double
{
  nonisolated(unsafe) let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  sem_init(semaphore, 0, 0)
  let start = now()
  Task.detached {
    await body()
    sem_post(semaphore)
  }
  sem_wait(semaphore)
  defer { semaphore.deallocate() }
  return Double(now() - start) / Double(count)
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
