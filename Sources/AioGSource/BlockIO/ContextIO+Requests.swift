// How a request travels: given out, handed to the backend that takes it, queued with the others of its pass, given back
// with a result, and queued once more if that was not all. Home thread only. That the loop never sleeps on one that the
// kernel was not given is checked by Models/request-asleep.pml.

import CLiburing
import Glibc
import Synchronization
import SystemPackage

extension ContextIO {
  /// Gives out an unused request.
  @inline(__always)
  func take() -> Request {
    let request = free ?? pool.grow()
    free = request.pointee.next
    request.pointee.isTaken = true
    return request
  }

  /// The one that `take` gives out next.
  @inline(__always)
  var nextToTake: Request {
    if let free { return free }
    let request = pool.grow()
    free = request
    return request
  }

  /// Takes it back: from now on a handle of it finds another generation.
  @inline(__always)
  func give(_ request: Request) {
    request.pointee.generation.store(
      request.pointee.generation.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    request.pointee.isTaken = false
    request.pointee.next = free
    free = request
  }

  /// Starts a request that was filled in. In a pass, or a batch, it goes out with the others; else at once.
  @inline(__always)
  func start(_ request: Request, on backend: Backend) -> AIORequest {
    request.pointee.state.start()
    let handle = AIORequest(
      pool: pool, node: request,
      generation: request.pointee.generation.load(ordering: .relaxed))
    statistics.requests &+= 1
    pass(request, to: backend)
    return handle
  }

  /// Gives a queued request to a backend: its first, or one that can do what the one before could not.
  @inline(__always)
  func pass(_ request: Request, to wanted: Backend) {
    if wanted.takes(request) {
      enqueue(request, on: wanted)
    } else {
      pass(request, toAlternativeOf: wanted)
    }
  }

  @inline(never)
  private func pass(_ request: Request, toAlternativeOf backend: Backend) {
    let other = backend.alternative(for: request)
    if other.takes(request) {
      enqueue(request, on: other)
    } else {
      pass(request, toAlternativeOf: other)
    }
  }

  @inline(__always)
  private func enqueue(_ request: Request, on backend: Backend) {
    request.pointee.backend = .passUnretained(backend)
    backend.enqueue(request)
    if backend.queued >= maximumBatch {
      flushFull(backend)
    } else if batchDepth == 0 && isOutsideOfPasses {
      startedOutsideOfPasses(backend)
    }
  }

  @inline(__always)
  private var isOutsideOfPasses: Bool {
    context._withUnsafeGuaranteedRef { $0.activity == 0 }
  }

  @inline(never)
  private func flushFull(_ backend: Backend) {
    flush(backend)
    if isOutsideOfPasses { wakeIfNobodyLooks() }
  }

  @inline(never)
  private func startedOutsideOfPasses(_ backend: Backend) {
    flush(backend)
    wakeIfNobodyLooks()
  }

  /// Between GLib's prepare and its poll nobody would look at what finished just now, or go and submit (2ae361ef1d).
  func wakeIfNobodyLooks() {
    context._withUnsafeGuaranteedRef {
      if $0.notifyState.state.isSourceWindowOpen { $0.notify() }
    }
  }

  @inline(__always)
  func flushIfOutsideOfPasses(_ backend: Backend) {
    if batchDepth == 0 && isOutsideOfPasses { startedOutsideOfPasses(backend) }
  }

  @inline(__always)
  func flush(_ backend: Backend) {
    if backend.queued == 0 { return }
    statistics.submissions &+= 1
    backend.flush()
  }

  /// A batch that callers began has ended.
  func flushAll() {
    if isOutsideOfPasses {
      visitBackends { if $0.queued > 0 { startedOutsideOfPasses($0) } }
    }
  }

  /// A finished request: its completion is called in the next pass that calls completions.
  @inline(__always)
  func finished(_ request: Request) {
    request.pointee.isFound = true
    found.append(request)
  }

  /// Takes in the result of what was submitted, and queues the rest if there is one.
  @inline(__always)
  func returned(_ request: Request, _ result: Int) {
    if request.take(result) {
      finished(request)
    } else {
      restart(request)
    }
  }

  @inline(never)
  private func restart(_ request: Request) {
    statistics.continuations &+= 1
    pass(request, to: request.pointee.backend.takeUnretainedValue())
  }

  /// What a request waited for has come: its operation is made now.
  func isReady(_ request: Request) {
    if let result = request.pointee.state.returned(.again) {
      request.pointee.result = result
      finished(request)
    } else {
      restart(request)
    }
  }

  /// Who takes a request that the backend it was meant for cannot.
  func fallback(for request: Request) -> Backend {
    request.pointee.waitsForDescriptor ? readinessBackend : threadBackend
  }

  /// One of the completions that a caller's own submission may have.
  func rawCompletion(_ request: Request, _ result: Int32, _ flags: UInt32, isLast: Bool) {
    let submission = unsafeDowncast(request.pointee.owner!, to: RawSubmission.self)
    submission.add(RawCompletion(result: result, flags: flags, isLast: isLast))
    if isLast { _ = request.pointee.state.returned(.finish(Int(result))) }
    if !submission.isListed {
      submission.isListed = true
      finished(request)
    }
  }

  /// A queued request ends without having been with anybody.
  func finishUnsubmitted(_ request: Request, _ result: Int) {
    request.pointee.state.finishUnsubmitted()
    request.pointee.result = result
    finished(request)
  }

  /// Asks for a request to end early. Contract 18.2: its completion comes in a pass, never from here.
  static func cancel(_ request: Request) {
    request.pointee.backend.takeUnretainedValue().cancel(request)
  }
}
