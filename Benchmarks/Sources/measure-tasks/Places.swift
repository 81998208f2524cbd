// Where a body runs: as a task of a context's, whose loop the main thread runs, or on Swift's default executor.

import AioGSource
import Glibc
import Measuring
import Synchronization

typealias Body = @Sendable (Int) async -> Void

final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}

func onAContext(_ body: @escaping Body) throws -> Double {
  onAContext(try AioContext(name: "measured"), body)
}

func onAContext(_ context: AioContext, _ body: @escaping Body) -> Double {
  perOperation { count in
    let done = Flag()
    Task(executorPreference: context.taskExecutor) {
      await body(count)
      done.set()
    }
    while !done.isSet { context.poll(blocking: true) }
  }
}

/// The same for callbacks: `body` calls what it is given when it is done.
func withCallbacks(
  on context: AioContext, _ body: @escaping @Sendable (Int, @escaping @Sendable () -> Void) -> Void
) -> Double {
  perOperation { count in
    let done = Flag()
    context.schedule { body(count) { done.set() } }
    while !done.isSet { context.poll(blocking: true) }
  }
}

func onTheDefaultExecutor(_ body: @escaping Body) -> Double {
  nonisolated(unsafe) let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  sem_init(semaphore, 0, 0)
  defer { semaphore.deallocate() }
  return perOperation { count in
    Task.detached {
      await body(count)
      sem_post(semaphore)
    }
    while sem_wait(semaphore) != 0 {}
  }
}
