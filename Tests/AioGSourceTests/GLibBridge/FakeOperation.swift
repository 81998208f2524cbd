// An asynchronous function as GIO has them, that completes how a test wants it: a GTask underneath.

import AioGSource
import CGLib

enum FakeOperation {
  /// When the callback is called.
  enum Moment: CaseIterable {
    /// Against GIO's rules: before the function has returned.
    case duringTheStart
    /// By the main context, in its next iteration.
    case later
    /// The result comes from another thread.
    case fromAnotherThread
    /// Only when it is cancelled.
    case whenCancelled
    /// Only when it is cancelled, and against GTask's rules at once, in the hands of who cancels.
    case insideTheCancellation
  }

  /// `fake_async`: the result will be `value`, or the error.
  static func start(
    _ source: UnsafeMutablePointer<GObject>?, _ value: Int, error: GLibError? = nil,
    _ moment: Moment, _ cancellable: UnsafeMutablePointer<GCancellable>?,
    _ callback: GAsyncReadyCallback?, _ data: UnsafeMutableRawPointer?
  ) {
    let task = Unretained(g_task_new(source, cancellable, callback, data)!)
    switch moment {
    case .duringTheStart: deliver(past: task.pointer, callback, data, value, error)
    case .later: deliver(task.pointer, value, error)
    case .fromAnotherThread:
      let thread = TestThread { deliver(task.pointer, value, error) }
      threads.update { $0.append(thread) }
    case .whenCancelled:
      _ = Cancellable(retaining: cancellable!).onCancelled {
        deliver(task.pointer, value, error)
      }
    case .insideTheCancellation:
      nonisolated(unsafe) let data = data
      _ = Cancellable(retaining: cancellable!).onCancelled {
        let error = GLibError(G_IO_ERROR_CANCELLED, message: "stopped")
        deliver(past: task.pointer, callback, data, value, error)
      }
    }
  }

  /// `fake_finish`.
  static func finish(_ result: OpaquePointer, _ error: GIO.ErrorPointer) -> Int {
    g_task_propagate_int(result, error)
  }

  static func joinThreads() {
    var joined: [TestThread] = []
    threads.update { swap(&joined, &$0) }
    for thread in joined { thread.join() }
  }

  private static let threads = Box<[TestThread]>([])

  /// Takes over the task.
  private static func deliver(_ task: OpaquePointer, _ value: Int, _ error: GLibError?) {
    if let error {
      g_task_return_error(task, error.makeGError())
    } else {
      g_task_return_int(task, value)
    }
    g_object_unref(task.gobject)
  }

  /// Not by way of GTask, which keeps to the rules.
  private static func deliver(
    past task: OpaquePointer, _ callback: GAsyncReadyCallback?, _ data: UnsafeMutableRawPointer?,
    _ value: Int, _ error: GLibError?
  ) {
    let result = g_task_new(g_task_get_source_object(task), nil, nil, nil)!
    g_object_ref(result.gobject)
    deliver(result, value, error)
    callback?(g_task_get_source_object(task)?.assumingMemoryBound(to: GObject.self), result, data)
    g_object_unref(result.gobject)
    g_object_unref(task.gobject)
  }
}

/// A pointer that goes to another thread.
struct Unretained: @unchecked Sendable {
  let pointer: OpaquePointer
  init(_ pointer: OpaquePointer) { self.pointer = pointer }
}
