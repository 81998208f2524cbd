// One call of a GIO pair under way: what the task that waits for it, the thread that starts it, whoever cancels it and
// the callback share. GIO.swift says what a call promises, GIOCallState decides, and here it is done.
//
// GLib holds a reference on the call, as the callback's user data, from the start to the callback. The call holds one
// on the source object, which is given back on the thread that starts the operation or has its callback: the last
// reference must not go on a thread that may not finalize the object.

import CGLib
import CSwiftRuntime

/// What a C function can call, whatever the pair's types are.
class AnyGIOCall: @unchecked Sendable {
  static let callback: GAsyncReadyCallback = { _, result, data in
    let call = Unmanaged<AnyGIOCall>.fromOpaque(data!).takeRetainedValue()
    call.handOver.receive()
    call.complete(result!)
  }

  fileprivate let handOver = HandOver()

  func complete(_ result: OpaquePointer) {
    preconditionFailure("each kind of call completes in its own way")
  }
}

final class GIOCall<Source, Value>: AnyGIOCall, @unchecked Sendable {
  private let source: Source
  private let object: UnsafeMutablePointer<GObject>?
  private let finish: GIO.Finish<Source, Value>
  private let cancellable = Cancellable()

  private let lock = Lock()
  // Under the lock.
  private var state = GIOCallState()
  private var waiter: UnsafeContinuation<Void, Never>?
  private var outcome: Result<Value, GLibError>?

  init(
    _ source: Source, object: UnsafeMutablePointer<GObject>?,
    finish: sending @escaping GIO.Finish<Source, Value>
  ) {
    self.source = source
    self.object = object
    self.finish = finish
    if let object { g_object_ref(object) }
  }

  // MARK: The task

  /// Has `begin` see to the start, and waits for the end.
  func run(isolation: isolated (any Actor)?, begin: () -> Void) async {
    await withTaskCancellationHandler(
      operation: {
        await withUnsafeContinuation(isolation: isolation) { continuation in
          // First, for the callback may come before `begin` has returned.
          expect(continuation)
          begin()
        }
      },
      onCancel: { cancel() },
      isolation: isolation)
    aiogs_was_resumed()
  }

  private func expect(_ continuation: UnsafeContinuation<Void, Never>) {
    let hasEnded = lock.withLock {
      if state.hasEnded { return true }
      waiter = continuation
      return false
    }
    if hasEnded { continuation.resume() }
  }

  /// How it ended; once, after `run`.
  func value() throws(GLibError) -> sending Value {
    guard let outcome = lock.withLock({ outcome.take() }) else {
      // Cancelled before it was started; in GIO's own words.
      try cancellable.checkCancellation()
      preconditionFailure("a call of a GIO pair ended without a result")
    }
    // The call is over, and nobody else has it: `finish` was sent to us, was called once, and is the only one that
    // knew it.
    nonisolated(unsafe) let value = try outcome.get()
    return value
  }

  // MARK: The thread that starts it

  /// Starts the operation, unless it was cancelled before.
  func start(_ body: GIO.Start<Source>) {
    guard lock.withLock({ state.start() }) else { return releaseObject() }
    handOver.give()
    body(
      source, cancellable.pointer, Self.callback,
      Unmanaged<AnyGIOCall>.passRetained(self).toOpaque())
  }

  /// The operation has ended, or will not be started.
  func releaseObject() {
    if let object { g_object_unref(object) }
  }

  // MARK: Any thread

  private func cancel() {
    switch lock.withLock({ state.cancel() }) {
    case .end:
      cancellable.cancel()
      end(with: nil)
    case .tellOperation: cancellable.cancel()
    case .none: break
    }
  }

  private func end(with outcome: Result<Value, GLibError>?) {
    let waiter = lock.withLock {
      self.outcome = outcome
      return self.waiter.take()
    }
    waiter?.resume()
  }

  // MARK: The thread that runs the context

  override func complete(_ result: OpaquePointer) {
    lock.withLock { state.complete() }
    var error: UnsafeMutablePointer<GError>?
    let value = finish(source, result, &error)
    releaseObject()
    end(with: error.map { .failure(GLibError(taking: $0)) } ?? .success(value))
  }
}
