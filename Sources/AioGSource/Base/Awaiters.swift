// What an awaited operation needs at a place that does not move while its task is suspended: the gate where it meets its
// cancellation, and the handler that the runtime calls for that. Taken from a pool, so that in steady state awaiting
// allocates nothing.
//
// `take` and `give` are the home thread's. The handler is called by whoever cancels the task, and not any more once the
// task has removed it, before it gives the awaiter back.

import CSwiftRuntime

typealias Awaiter = UnsafeMutablePointer<AwaiterNode>

struct AwaiterNode: ~Copyable {
  let gate = CancellationGate()
  var handler = aiogs_cancellation_handler()
  /// What ends the operation; called on any thread, at most once.
  var cancel: @Sendable (CancellationGate.Target) -> Void
  var next: Awaiter?

  init(cancel: @escaping @Sendable (CancellationGate.Target) -> Void) {
    self.cancel = cancel
  }
}

/// One kind of operation's awaiters. Home thread.
final class AwaiterPool {
  private var free: Awaiter?
  private let cancel: @Sendable (CancellationGate.Target) -> Void

  /// - Parameter cancel: what ends the operation; any thread.
  init(cancel: @escaping @Sendable (CancellationGate.Target) -> Void) {
    self.cancel = cancel
  }

  deinit {
    while let awaiter = free {
      free = awaiter.pointee.next
      Self.discard(awaiter)
    }
  }

  @inline(__always)
  func take() -> Awaiter {
    guard let awaiter = free else { return make() }
    free = awaiter.pointee.next
    awaiter.pointee.gate.reset()
    return awaiter
  }

  @inline(__always)
  func give(_ awaiter: Awaiter) {
    awaiter.pointee.next = free
    free = awaiter
  }

  @inline(never)
  private func make() -> Awaiter {
    let awaiter = Awaiter.allocate(capacity: 1)
    awaiter.initialize(to: AwaiterNode(cancel: cancel))
    awaiter.pointee.handler.argument = UnsafeMutableRawPointer(awaiter)
    awaiter.pointee.handler.function = { argument in
      let awaiter = argument!.assumingMemoryBound(to: AwaiterNode.self)
      if let target = awaiter.pointee.gate.cancel() { awaiter.pointee.cancel(target) }
    }
    return awaiter
  }

  /// One that cannot be given back where it was taken.
  static func discard(_ awaiter: Awaiter) {
    awaiter.deinitialize(count: 1)
    awaiter.deallocate()
  }
}

extension UnsafeMutablePointer where Pointee == AwaiterNode {
  /// From now on, and until the record is removed, cancelling the task cancels the operation.
  /// The record is nil where the task is cancelled already, and then is removed all the same.
  @inline(__always)
  func addHandler() -> UnsafeMutableRawPointer? {
    withUnsafeMutablePointer(to: &pointee.handler) { aiogs_add_cancellation_handler($0) }
  }

  @inline(__always)
  func removeHandler(_ record: UnsafeMutableRawPointer?) {
    aiogs_remove_cancellation_handler(record)
  }
}
