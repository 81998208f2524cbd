// A thread that runs a main context of its own, and an executor for tasks and actors that are to live on it.

import CGLib
import Glibc

@testable import AioGSource

final class GLibThread: TaskExecutor {
  let context = MainContext()
  private let loop: MainLoop
  private let identity = Box<pthread_t?>(nil)
  private let thread: TestThread

  init() {
    let context = context
    let loop = MainLoop(context)
    let identity = identity
    self.loop = loop
    thread = TestThread {
      context.withThreadDefault {
        identity.value = pthread_self()
        loop.run()
      }
    }
    while identity.value == nil { sleep(milliseconds: 0.1) }
  }

  /// Ends the loop and the thread.
  func stop() {
    let loop = loop
    onLoop { loop.quit() }
    thread.join()
  }

  var isCurrent: Bool { identity.value == pthread_self() }

  /// Has the loop call `body` in one of its iterations.
  func onLoop(_ body: @escaping @Sendable () -> Void) { context.later(body) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    onLoop { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// For actors; one class in both roles would hop at every call.
  final class Serial: SerialExecutor {
    private let context: MainContext
    init(_ thread: GLibThread) { context = thread.context }

    func enqueue(_ job: consuming ExecutorJob) {
      let job = UnownedJob(job)
      context.later { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
  }

  /// Runs a task on the thread, which is cancelled with the calling one.
  func run<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let task = Task(executorPreference: self, operation: body)
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }
}

extension MainContext {
  /// Has whoever runs the context call `body` in one of its iterations.
  func later(_ body: @escaping @Sendable () -> Void) {
    let source = g_idle_source_new()!
    g_source_set_priority(source, G_PRIORITY_DEFAULT)
    g_source_set_callback(
      source,
      { data in
        CallbackBody.run(data)
        return G_SOURCE_REMOVE
      }, CallbackBody.retained(body), { CallbackBody.release($0) })
    g_source_attach(source, pointer)
    g_source_unref(source)
  }
}

/// A closure as the user data of a C callback, for any thread.
final class CallbackBody: Sendable {
  private let body: @Sendable () -> Void
  private let handOver = HandOver()

  private init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  static func retained(_ body: @escaping @Sendable () -> Void) -> gpointer {
    let callback = CallbackBody(body)
    callback.handOver.give()
    return Unmanaged.passRetained(callback).toOpaque()
  }

  static func run(_ data: gpointer?) {
    let callback = Unmanaged<CallbackBody>.fromOpaque(data!).takeUnretainedValue()
    callback.handOver.receive()
    callback.body()
  }

  static func release(_ data: gpointer?) {
    Unmanaged<CallbackBody>.fromOpaque(data!).release()
  }
}
