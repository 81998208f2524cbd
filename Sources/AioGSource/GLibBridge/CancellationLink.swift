// What a task and the handler of the signal that cancels it share: whether there still is a task. Any thread.
//
// The task begins and ends the link; the end waits for a cancellation that is under way on another thread, for it
// touches the task. The link lives until GLib lets go of the handler, which may be called after the end.

import CGLib

final class CancellationLink: @unchecked Sendable {
  /// Recursive, so that a task that ends where it must not is found out, and does not hang.
  private let lock = Lock(recursive: true)
  private let handOver = HandOver()
  // Under the lock.
  private var task: UnsafeCurrentTask?
  private var isCancelling = false

  /// The task itself.
  func begin(_ task: UnsafeCurrentTask) {
    lock.withLock { self.task = task }
  }

  /// The handler's id; 0 if the cancellable was cancelled already, and the task with it.
  func connect(to cancellable: Cancellable) -> gulong {
    let handler: @convention(c) (UnsafeMutablePointer<GCancellable>?, gpointer?) -> Void = {
      Unmanaged<CancellationLink>.fromOpaque($1!).takeUnretainedValue().cancel()
    }
    handOver.give()
    return g_cancellable_connect(
      cancellable.pointer, unsafeBitCast(handler, to: GCallback.self),
      Unmanaged.passRetained(self).toOpaque(),
      { Unmanaged<CancellationLink>.fromOpaque($0!).release() })
  }

  /// What the handler does. The lock is held, so that the task does not end meanwhile.
  func cancel() {
    handOver.receive()
    lock.withLock {
      let outer = isCancelling
      isCancelling = true
      task?.cancel()
      isCancelling = outer
    }
  }

  /// The task itself. From here on nobody cancels it any more.
  func end() {
    lock.withLock {
      precondition(
        !isCancelling, "a cancellation handler of withCancellable's task ran that task to its end")
      task = nil
    }
  }
}
