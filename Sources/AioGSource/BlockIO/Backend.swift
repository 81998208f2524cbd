// The seam between requests and those who carry them out: the ring, Linux AIO, the thread pool, and, for sockets without
// a ring, readiness. A class with overrides for the same reason as Monitor: one pointer and one indirect call.
//
// Home thread only. A backend queues what it is given and hands it over in `flush`, so that the requests of a pass cost
// one system call together. It never calls a completion: it gives finished requests to the ContextIO it belongs to.

class Backend: @unchecked Sendable {
  /// Requests that were given and not handed over; the ContextIO flushes at the maximum batch.
  final var queued = 0
  /// The next of the context's; the ContextIO sets it.
  final var next: Unmanaged<Backend>?

  /// Whether it can carry out this request; if not, it is given to `alternative`.
  func takes(_ request: Request) -> Bool { true }

  /// Who carries out a request that this one does not take.
  func alternative(for request: Request) -> Backend { self }

  /// Queues a request whose phase is `queued`.
  func enqueue(_ request: Request) {}

  /// Hands over what is queued, without waiting.
  func flush() {}

  /// Before the loop waits: `flush`, or less where the wait itself does it.
  func prepareForWait() { flush() }

  /// Takes what is finished and gives it to the ContextIO.
  func collect() {}

  /// Whether `collect` would find something, as far as can be told without a system call.
  var hasCompletions: Bool { false }

  /// Sees to it that a request ends early, if it can. Its rest is not made then, unless a worker has the whole of it.
  func cancel(_ request: Request) {
    switch request.pointee.state.cancel() {
    case .nothing: break
    case .ask: cancelSubmitted(request)
    case .finish: dequeue(request)
    }
  }

  /// Takes back a request that it has queued; it finishes as cancelled.
  func dequeue(_ request: Request) {}

  /// Asks whoever has the request to give it back early.
  func cancelSubmitted(_ request: Request) {}

  /// The context goes: waits until nothing is under way. All of it was cancelled before.
  func drain() {}

  /// After `drain`: lets go of descriptors and threads.
  func close() {}
}
