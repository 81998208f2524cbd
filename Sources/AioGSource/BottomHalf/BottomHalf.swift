// The handle of a bottom half. Any thread may use it.

/// A callback that a context runs on its home thread soon after it was scheduled, from whatever thread.
///
/// Scheduling is lock-free, allocates nothing, and may be done from a signal handler; however often one is scheduled
/// before it runs, it runs once. The bottom halves of one pass run in the order in which they were scheduled, and one
/// that a callback schedules runs in the next pass. A bottom half runs before the fd handlers and timers of its pass.
///
/// Keep the handle: a bottom half whose handle is gone is deleted, scheduled or not. The handle does not keep its
/// context alive. Destroying a context while one of its bottom halves is scheduled traps in a debug build.
///
/// Stands for `QEMUBH`. Made by ``AioContext/makeBottomHalf(name:_:)``.
public final class BottomHalf: Sendable {
  /// The name it was made with, as ``AioContext`` shows it in its description and in traps.
  public let name: String
  // Set once and freed by deinit; what it points at has its own synchronization.
  nonisolated(unsafe) private let node: BottomHalfQueue.Node
  private let queue: Unmanaged<BottomHalfQueue>

  init(name: String, queue: BottomHalfQueue, _ callback: @escaping @Sendable () -> Void) {
    self.name = name
    self.node = queue.makeNode(name: name, callback)
    self.queue = .passRetained(queue)
  }

  deinit {
    queue._withUnsafeGuaranteedRef { $0.abandon(node) }
    queue.release()
  }

  /// Has the callback run in the next pass of the context, which is woken if it sleeps.
  ///
  /// Any thread, signal handlers included. What the caller wrote before is seen by the callback. Does nothing once
  /// the bottom half is deleted. Stands for `qemu_bh_schedule`.
  @inline(__always)
  public func schedule() {
    queue._withUnsafeGuaranteedRef { $0.schedule(node) }
  }

  /// Has the callback run within 10 ms, or when the context wakes for something else; it does not count as progress.
  ///
  /// Any thread. A ``schedule()`` before it ran makes it an ordinary one. Stands for `qemu_bh_schedule_idle`.
  public func scheduleIdle() {
    queue._withUnsafeGuaranteedRef { $0.scheduleIdle(node) }
  }

  /// Takes back what was scheduled.
  ///
  /// On the home thread the callback is then sure not to run until it is scheduled again. From another thread it may
  /// be running already. Stands for `qemu_bh_cancel`.
  public func cancel() {
    queue._withUnsafeGuaranteedRef { $0.cancel(node) }
  }

  /// Deletes the bottom half, scheduled or not: on the home thread its callback is then sure not to start again. The
  /// callback is released there and then, or, where another thread deletes, by the context's next pass.
  ///
  /// Any thread; from another one than the home thread the callback may still be running. Letting go of the handle
  /// does the same. Stands for `qemu_bh_delete`.
  public func delete() {
    queue._withUnsafeGuaranteedRef { $0.delete(node) }
  }

  /// Runs the callback here and now, whatever was scheduled.
  ///
  /// Any thread, as long as the caller sees to it that the callback does not run twice at a time. Not after
  /// ``delete()``. Stands for `aio_bh_call`.
  public func call() {
    guard let callback = node.pointee.callback else {
      preconditionFailure("bottom half '\(name)' was called after it was deleted")
    }
    callback.takeUnretainedValue().body()
  }
}
