// The life of a request, as a value: which steps may follow which, and what a cancellation has to do at each. It touches
// nothing; the engines perform what it returns. Contract 18.
//
//   free -> queued -> submitted -> finished -> free
//              ^---------/  once more, for the rest or when the descriptor is ready
//
// Guarantees: one completion for each start, whatever is cancelled when; a cancelled request is not queued again for its
// rest (a worker, which has the whole of it, carries it out); the buffer stays with the request until `free`, so the
// kernel never writes into memory that is somebody else's.

import Glibc

struct RequestState: Equatable {
  enum Phase: UInt8 {
    /// In the pool of unused ones.
    case free
    /// Wanted, and not with the kernel or a worker yet.
    case queued
    /// With the kernel, or a worker.
    case submitted
    /// Its result is known, its completion not called yet.
    case finished
  }

  enum Cancellation: Equatable {
    /// It is over already, or is being cancelled.
    case nothing
    /// Nobody has it: it finishes as cancelled.
    case finish
    /// Whoever has it is asked to give it back early. Its result may still be a success.
    case ask
  }

  private(set) var phase = Phase.free
  private(set) var isCancelled = false

  mutating func start() {
    assert(phase == .free)
    phase = .queued
    isCancelled = false
  }

  mutating func submit() {
    assert(phase == .queued)
    phase = .submitted
  }

  /// The kernel, or the worker, is done with this part of it. The result if that was all, nil if the rest is to be made.
  @inline(__always)
  mutating func returned(_ action: Transfer.Action) -> Int? {
    assert(phase == .submitted)
    if case .finish(let result) = action {
      phase = .finished
      return result
    }
    return returnedUncommonly(action)
  }

  private mutating func returnedUncommonly(_ action: Transfer.Action) -> Int? {
    if case .finishAtEnd(let count) = action {
      phase = .finished
      return count
    }
    if isCancelled {
      phase = .finished
      return -Int(ECANCELED)
    }
    phase = .queued
    return nil
  }

  /// It failed, or was taken back, before anybody had it.
  mutating func finishUnsubmitted() {
    assert(phase == .queued)
    phase = .finished
  }

  mutating func cancel() -> Cancellation {
    if isCancelled { return .nothing }
    switch phase {
    case .free, .finished: return .nothing
    case .queued:
      isCancelled = true
      return .finish
    case .submitted:
      isCancelled = true
      return .ask
    }
  }

  /// Its completion is about to be called: the node may be used for another request.
  mutating func free() {
    assert(phase == .finished)
    phase = .free
  }
}
