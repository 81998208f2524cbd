// What a random walk over a loop is made of. A step prints itself as the code that makes it, so that what is left of a
// failing walk can be pasted into a test. Steps name their objects by number and do nothing where there is none, so that a
// walk is still one when steps are taken out of it.

import Glibc

indirect enum WalkStep: Equatable, Sendable {
  case schedule(Int)
  case scheduleIdle(Int)
  case cancel(Int)
  case delete(Int)
  case scheduleOnce
  /// On the wall clock if it is the last of the timers. In milliseconds from the beginning of the walk.
  case arm(Int, at: Int)
  case disarm(Int)
  case dropTimer(Int)
  /// The handler of a pipe's reading end, which reads a byte each time; external if it is the last of the pipes.
  case add(Int)
  case remove(Int)
  /// Writes two bytes.
  case fill(Int)
  case disableExternal
  case enableExternal
  case request(Request)
  /// Of those under way, counted from the latest.
  case cancelRequest(Int)
  case attach
  case detach
  /// By the driver that the context is with, without waiting.
  case iterate
  /// The same, asleep for a millisecond at most.
  case wait
  case poll
  /// The wall clock, by so many milliseconds.
  case jump(Int)
  /// The context goes, and there is a new one.
  case renew
  case fault(FaultyKernel.Call, FaultyKernel.Fault)
  /// A step that the next callback of these takes.
  case during(Source, WalkStep)

  enum Request: String, CaseIterable, Sendable {
    case read, timeout, nothing, job
    /// Of what never comes.
    case receive
  }

  enum Source: Hashable, Sendable {
    case bottomHalf(Int)
    case timer(Int)
    case handler(Int)
    case completion
  }

  static let slots = 4
}

extension WalkStep: CustomStringConvertible {
  var description: String {
    switch self {
    case .schedule(let slot): ".schedule(\(slot))"
    case .scheduleIdle(let slot): ".scheduleIdle(\(slot))"
    case .cancel(let slot): ".cancel(\(slot))"
    case .delete(let slot): ".delete(\(slot))"
    case .scheduleOnce: ".scheduleOnce"
    case .arm(let slot, let time): ".arm(\(slot), at: \(time))"
    case .disarm(let slot): ".disarm(\(slot))"
    case .dropTimer(let slot): ".dropTimer(\(slot))"
    case .add(let slot): ".add(\(slot))"
    case .remove(let slot): ".remove(\(slot))"
    case .fill(let slot): ".fill(\(slot))"
    case .disableExternal: ".disableExternal"
    case .enableExternal: ".enableExternal"
    case .request(let request): ".request(.\(request.rawValue))"
    case .cancelRequest(let index): ".cancelRequest(\(index))"
    case .attach: ".attach"
    case .detach: ".detach"
    case .iterate: ".iterate"
    case .wait: ".wait"
    case .poll: ".poll"
    case .jump(let milliseconds): ".jump(\(milliseconds))"
    case .renew: ".renew"
    case .fault(let call, let fault): ".fault(.\(call.rawValue), .\(fault))"
    case .during(let source, let step): ".during(\(source), \(step))"
    }
  }
}

extension WalkStep.Source: CustomStringConvertible {
  var description: String {
    switch self {
    case .bottomHalf(let slot): ".bottomHalf(\(slot))"
    case .timer(let slot): ".timer(\(slot))"
    case .handler(let slot): ".handler(\(slot))"
    case .completion: ".completion"
    }
  }
}

extension WalkStep {
  static func walk(_ count: Int, seed: UInt64, withFaults: Bool) -> [WalkStep] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in step(&random, withFaults: withFaults) }
  }

  private static func step(_ random: inout SeededGenerator, withFaults: Bool) -> WalkStep {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<22: .iterate
    case 22..<26: .wait
    case 26..<30: .poll
    case 30..<39 where withFaults: transient.randomElement(using: &random)!
    case 39: .renew
    case 40..<52: .during(source(&random), action(&random))
    default: action(&random)
    }
  }

  /// What a callback may do too.
  private static func action(_ random: inout SeededGenerator) -> WalkStep {
    let slot = Int.random(in: 0..<slots, using: &random)
    return switch Int.random(in: 0..<70, using: &random) {
    case 0..<8: .schedule(slot)
    case 8..<10: .scheduleIdle(slot)
    case 10..<13: .cancel(slot)
    case 13..<15: .delete(slot)
    case 15..<18: .scheduleOnce
    case 18..<24: .arm(slot, at: Int.random(in: 0..<6, using: &random))
    case 24..<27: .disarm(slot)
    case 27: .dropTimer(slot)
    case 28..<36: .add(slot)
    case 36..<40: .remove(slot)
    case 40..<47: .fill(slot)
    case 47: .disableExternal
    case 48..<50: .enableExternal
    case 50..<56: .request(Request.allCases.randomElement(using: &random)!)
    case 56..<59: .cancelRequest(Int.random(in: 0..<3, using: &random))
    case 59..<61: .attach
    case 61: .detach
    case 62: .jump(Int.random(in: -3...3, using: &random))
    case 63..<66: .poll
    case 66: .wait
    default: .iterate
    }
  }

  private static func source(_ random: inout SeededGenerator) -> Source {
    let slot = Int.random(in: 0..<slots, using: &random)
    return switch Int.random(in: 0..<4, using: &random) {
    case 0: .bottomHalf(slot)
    case 1: .timer(slot)
    case 2: .handler(slot)
    default: .completion
    }
  }

  /// Faults that change nothing of what must happen, but when.
  static let transient: [WalkStep] = [
    .fault(.poll, .error(EINTR)), .fault(.poll, .nothing), .fault(.poll, .error(ENOMEM)),
    .fault(.epollWait, .error(EINTR)), .fault(.epollWait, .nothing),
    .fault(.epollWaitNanoseconds, .error(EINTR)), .fault(.epollWaitNanoseconds, .nothing),
    .fault(.epollWaitNanoseconds, .error(ENOSYS)), .fault(.epollControl, .error(ENOMEM)),
    .fault(.epollCreate, .error(EMFILE)), .fault(.eventWrite, .error(EINTR)),
    .fault(.eventRead, .error(EINTR)), .fault(.eventRead, .error(EAGAIN)),
    .fault(.ringSubmit, .error(EINTR)), .fault(.ringSubmit, .error(EAGAIN)),
    .fault(.ringSubmit, .error(EBUSY)), .fault(.ringSubmit, .error(ENOMEM)),
    .fault(.ringSubmitAndPost, .error(EINTR)), .fault(.ringSubmitAndPost, .error(EAGAIN)),
    .fault(.ringSubmitAndPost, .error(EBUSY)), .fault(.ringPost, .error(EINTR)),
    .fault(.ringPost, .error(EBUSY)), .fault(.ringSubmitAndWait, .error(EINTR)),
    .fault(.ringSubmitAndWait, .error(EBUSY)), .fault(.ringSubmitAndWait, .error(EAGAIN)),
    .fault(.ringSubmitAndWait, .error(ETIME)), .fault(.ringSetUp, .error(ENOMEM)),
    .fault(.aioSetUp, .error(EAGAIN)), .fault(.aioSubmit, .error(EAGAIN)),
    .fault(.timerCreate, .error(EMFILE)), .fault(.threadCreate, .error(EAGAIN)),
    .fault(.read, .error(EINTR)), .fault(.read, .short(1)), .fault(.receive, .error(EINTR)),
    .fault(.duplicate, .error(EMFILE)),
  ]
}
