// A function on its way to a worker of the thread pool and back: one object, which is all that a job allocates. Generic and
// inlinable, so that it is made for the caller's type where that is known; and with two closures that capture nothing in
// place of methods, for those of a generic class look up its types at each call, some 100 ns each. What it comes to is in raw
// memory for the same reason: as a property of a generic type it would have `deinit` look that up, 50 ns.
//
// The home thread makes it and calls `finish`; `run` is the worker's, in between.

import SystemPackage

/// A function for a worker.
@usableFromInline
class Job: Payload, @unchecked Sendable {
  private let carryOut: @Sendable (Job) -> Void
  private let report: @Sendable (Job, Result<Int, Errno>) -> Void

  @usableFromInline
  init(
    carryOut: @escaping @Sendable (Job) -> Void,
    report: @escaping @Sendable (Job, Result<Int, Errno>) -> Void
  ) {
    self.carryOut = carryOut
    self.report = report
  }

  func run() { carryOut(self) }

  /// With a count that means nothing, or what the job did not come to a worker for.
  func finish(_ result: Result<Int, Errno>) { report(self, result) }
}

/// One whose value is taken by a completion, or is left for who awaits it.
@usableFromInline
final class ValueJob<Value: Sendable>: Job, @unchecked Sendable {
  @usableFromInline typealias Outcome = Result<Value, any Error>

  // Its two owners have it by turns: nothing to check.
  @usableFromInline
  @exclusivity(unchecked) var body: (@Sendable () throws -> Value)?
  /// The outcome, where it fits, or the address of it. Written by the worker, read by the home thread afterwards.
  @usableFromInline
  @exclusivity(unchecked) var storage: (UInt, UInt, UInt) = (0, 0, 0)
  @usableFromInline
  @exclusivity(unchecked) var hasOutcome = false
  @usableFromInline
  let completion: (@Sendable (Outcome) -> Void)?

  @inlinable
  init(
    _ body: @escaping @Sendable () throws -> Value,
    completion: (@Sendable (Outcome) -> Void)? = nil
  ) {
    self.body = body
    self.completion = completion
    super.init(
      carryOut: { job in
        let job = unsafeDowncast(job, to: ValueJob<Value>.self)
        // Released here, with what it holds: the home thread has its result.
        guard let body = job.body.take() else { return }
        job.put(Result { try body() })
      },
      report: { job, result in
        let job = unsafeDowncast(job, to: ValueJob<Value>.self)
        switch result {
        case .success: job.completion?(job.takeOutcome())
        case .failure(let error): job.completion?(.failure(error))
        }
      })
  }

  deinit {
    // Nobody took it: the context went first, or who awaited it had it cancelled.
    if hasOutcome { dropOutcome() }
  }

  @inline(never)
  private func dropOutcome() { _ = takeOutcome() }

  @inlinable
  static var fits: Bool {
    MemoryLayout<Outcome>.size <= MemoryLayout<(UInt, UInt, UInt)>.size
      && MemoryLayout<Outcome>.alignment <= MemoryLayout<UInt>.alignment
  }

  @inlinable
  func put(_ outcome: Outcome) {
    if Self.fits {
      withUnsafeMutableBytes(of: &storage) {
        $0.baseAddress!.bindMemory(to: Outcome.self, capacity: 1).initialize(to: outcome)
      }
    } else {
      let memory = UnsafeMutablePointer<Outcome>.allocate(capacity: 1)
      memory.initialize(to: outcome)
      storage.0 = UInt(bitPattern: memory)
    }
    hasOutcome = true
  }

  /// There has to be one.
  @inlinable
  func takeOutcome() -> Outcome {
    hasOutcome = false
    if Self.fits {
      return withUnsafeMutableBytes(of: &storage) {
        $0.baseAddress!.assumingMemoryBound(to: Outcome.self).move()
      }
    }
    let memory = UnsafeMutablePointer<Outcome>(bitPattern: storage.0).unsafelyUnwrapped
    defer { memory.deallocate() }
    return memory.move()
  }
}
