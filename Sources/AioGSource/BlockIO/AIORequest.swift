// The handle of a request under way.

import Synchronization
import SystemPackage

/// A request that was made of an engine: a read, a send, a job for the thread pool.
///
/// Its completion is called exactly once, on the home thread, in a pass, never from within the call that made it: also
/// when it fails at once, and also when it is cancelled. Until then it owns its buffer. The handle may be let go of: the
/// request goes on.
///
/// Stands for `BlockAIOCB`.
public struct AIORequest: Sendable {
  let pool: RequestPool
  // What it points at is the pool's, and never freed while we hold that.
  nonisolated(unsafe) let node: Request
  let generation: UInt32

  /// Whether its completion has been called, or is being called. Any thread.
  public var isFinished: Bool {
    node.pointee.generation.load(ordering: .acquiring) != generation
  }

  /// The context it was made on; nil once that is gone. Any thread. Stands for `get_aio_context`.
  public var context: AioContext? { pool.context }

  /// Asks for the request to end early. One that waits for its turn, or for a descriptor or a time, ends with
  /// `Errno.canceled`; one that the kernel or a worker is about may still succeed. Either way its completion comes, later,
  /// and not from within this call.
  ///
  /// The requests of a home thread that ends are cancelled by the kernel. Without io_uring, connecting and accepting on a
  /// descriptor that blocks are a worker's, whom nobody can call back: give the descriptor O_NONBLOCK.
  ///
  /// Any thread; from another one than the home thread the request is asked in the context's next pass. Harmless when the
  /// request is finished. Stands for `bdrv_aio_cancel_async`.
  public func cancel() {
    // Nor is anything left for a pass that may never come.
    if isFinished { return }
    guard let context else { return }
    if context.isHomeThread {
      cancelAtHome()
      // What was taken back has its completion in a pass.
      if context.activity == 0 && context.notifyState.state.isSourceWindowOpen { context.notify() }
    } else {
      let request = self
      context.schedule(name: "AIORequest.cancel") { request.cancelAtHome() }
    }
  }

  private func cancelAtHome() {
    if isFinished { return }
    ContextIO.cancel(node)
  }

  /// Cancels the request and runs its context until its completion has been called; other callbacks run meanwhile.
  ///
  /// Home thread, from any callback too, except the request's own. Stands for `bdrv_aio_cancel`.
  public func cancelAndWait() {
    guard let context else { return }
    context.requireHome()
    cancel()
    while !isFinished { context.poll(blocking: true) }
  }
}
