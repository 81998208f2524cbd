// Where a coroutine is in its life, as a value: which steps may follow which, and what each has the caller do. It touches
// nothing, and is one byte, so that whoever takes a step does it with one compare-exchange. Contract 17.
//
//   created -> resuming -> running -> yielded -> resuming -> … -> running -> ended
//        \______enter______/ ^  \                  /
//                            |   `--- enter ------'
//
// Guarantees: a coroutine is resumed once for each time it yields, by whoever schedules or enters it first; a second one
// that schedules it before it runs is told so. It may be scheduled on the context that it runs on before it yields: it is
// resumed when it has, and not before.
//
// Modelled by Models/coroutine.pml (schedule, run, yield), with who performs what they return (CoroutineCore).

struct CoroutineState: Equatable, RawRepresentable {
  enum Phase: UInt8 {
    /// Not begun.
    case created
    /// On its way to a context that will run it.
    case resuming
    /// On its context, be it that it waits for something there.
    case running
    /// Waits to be scheduled or entered.
    case yielded
    case ended
  }

  enum Action: Equatable {
    /// The caller, and nobody else, resumes it.
    case resume
    /// Whoever runs it sees to the rest when it yields.
    case whenYielded
    /// There is nothing to do.
    case nothing
    /// It was scheduled, and has not run since.
    case trapScheduled
    /// It runs, and has not yielded.
    case trapRunning
    case trapEnded
  }

  private static let scheduledBit: UInt8 = 1 << 7

  let rawValue: UInt8

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init(_ phase: Phase = .created, isScheduled: Bool = false) {
    rawValue = phase.rawValue | (isScheduled ? Self.scheduledBit : 0)
  }

  var phase: Phase { Phase(rawValue: rawValue & ~Self.scheduledBit).unsafelyUnwrapped }
  /// It was scheduled, and has not run since.
  var isScheduled: Bool { rawValue & Self.scheduledBit != 0 }

  /// To be run on a context, by way of its queue.
  ///
  /// - Parameter isOnItsOwn: whether that is the context it runs on.
  func schedule(isOnItsOwn: Bool) -> (CoroutineState, Action) {
    if isScheduled { return (self, .trapScheduled) }
    switch phase {
    case .created, .yielded: return (Self(.resuming, isScheduled: true), .resume)
    case .running:
      return isOnItsOwn ? (Self(.running, isScheduled: true), .whenYielded) : (self, .trapRunning)
    case .resuming: return (self, .trapScheduled)
    case .ended: return (self, .trapEnded)
    }
  }

  /// To be run here and now.
  func enter() -> (CoroutineState, Action) {
    if isScheduled { return (self, .trapScheduled) }
    switch phase {
    case .created, .yielded: return (Self(.running), .resume)
    case .running: return (self, .trapRunning)
    case .resuming: return (self, .trapScheduled)
    case .ended: return (self, .trapEnded)
    }
  }

  /// One of its jobs is about to run on its context.
  func run() -> (CoroutineState, Action) {
    phase == .resuming ? (Self(.running), .nothing) : (self, .nothing)
  }

  /// It has yielded, and its job has returned.
  func yield() -> (CoroutineState, Action) {
    isScheduled ? (Self(.resuming, isScheduled: true), .resume) : (Self(.yielded), .nothing)
  }

  /// The same, of one that leaves for another context.
  func leave() -> (CoroutineState, Action) {
    isScheduled ? (self, .trapScheduled) : (Self(.resuming, isScheduled: true), .resume)
  }

  func end() -> (CoroutineState, Action) {
    isScheduled ? (self, .trapScheduled) : (Self(.ended), .nothing)
  }
}
