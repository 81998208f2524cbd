// A hop to a context: what resumes a task there puts it into the context's queue, and the next pass runs it.

import AioGSource

/// A task on a context, which goes on there whenever it is told to.
final class Hops: @unchecked Sendable {
  // Home thread only.
  private var waiting: UnsafeContinuation<Bool, Never>?
  private(set) var count = 0

  init(on context: AioContext) {
    Task(executorPreference: context.taskExecutor) { [self] in
      while await withUnsafeContinuation({ waiting = $0 }) { count += 1 }
    }
  }

  func resume() { waiting.take()!.resume(returning: true) }
  func end() { waiting.take()!.resume(returning: false) }
}
