// A main context that nobody owns until a thread runs it.

import AioGSource
import Glibc

/// A context that a thread runs once it is told to, without making it its default one.
final class ContextRunner: Sendable {
  let context = MainContext()
  private let isDone = Flag()
  private let thread = Box<TestThread?>(nil)
  private let identity = Box<pthread_t?>(nil)

  var isCurrent: Bool { identity.value == pthread_self() }

  func start() {
    thread.value = TestThread { [context, isDone, identity] in
      identity.value = pthread_self()
      while !isDone.isSet { context.iteration(mayBlock: true) }
    }
  }

  func stop() {
    isDone.set()
    context.wakeUp()
    thread.value?.join()
  }
}
