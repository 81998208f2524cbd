// A context whose I/O goes to a fake kernel.

import Glibc
import Testing

@testable import AioGSource

final class InjectedLoop: @unchecked Sendable {
  let loop: TestLoop
  let kernel: FakeKernel
  let io: ContextIO
  private(set) var ring: FakeRing?

  var context: AioContext { loop.context }
  var script: Script { kernel.script }

  init(_ combination: Combination = Combination(driver: .poll, monitor: .epoll)) throws {
    loop = try TestLoop(combination)
    kernel = FakeKernel()
    io = ContextIO(context: loop.context, kernel: kernel)
    loop.context.requireHome()
    loop.context.loopIO = io
  }

  /// What a failed test left under way is no reason to trap.
  deinit {
    script.failSubmissions(nil)
    script.release()
    _ = io.close()
    context.loopIO = nil
  }

  /// An engine over the fake kernel; its ring has the entries that are asked for.
  func engine(
    _ kind: AIOEngine.Kind, submissionEntries: Int = 64, completionEntries: Int = 128,
    features: UInt32 = 0
  ) throws -> AIOEngine {
    if kind != .ioURing { return try io.engine(kind) }
    let (ring, fake) = kernel.makeRing(
      submissionEntries: submissionEntries, completionEntries: completionEntries,
      features: features)
    self.ring = fake
    return add(ring)
  }

  /// An engine over a fake ring that is the context's monitor too, in place of the one it has.
  func sharedEngine(submissionEntries: Int = 64, completionEntries: Int = 128) -> AIOEngine {
    let (ring, fake) = kernel.makeRing(
      submissionEntries: submissionEntries, completionEntries: completionEntries)
    self.ring = fake
    let monitor = RingMonitor(ring: ring)
    let old = context.activeMonitor
    context.handlers.lock.withLock {
      context.handlers.monitor = monitor
      context.activeMonitor = monitor
      context.handlers.visitIncludingRetired {
        if !$0.isDeleted { monitor.update(nil, $0) }
      }
    }
    old.close(handlers: context.handlers)
    return add(ring, isShared: true)
  }

  /// An engine over a ring of its own.
  func add(_ ring: Ring, isShared: Bool = false) -> AIOEngine {
    let backend = RingBackend(io: io, ring: ring, isShared: isShared)
    io.add(backend)
    io.ringBackend = backend
    let engine = AIOEngine(kind: .ioURing, io: io, backend: backend)
    io.engines.append(engine)
    return engine
  }

  /// Iterates, asleep in between, until `condition` holds; false if that takes too long, or forever.
  func run(limit: Duration = .seconds(20), until condition: () -> Bool) -> Bool {
    let expired = Flag()
    let timer = context.makeTimer(name: "limit of the test") { expired.set() }
    timer.arm(after: limit)
    while !condition() && !expired.isSet {
      ring?.look()
      loop.iterate(blocking: true)
    }
    timer.cancel()
    return condition() && !expired.isSet
  }

  /// Runs until all of these have come, and a little longer, for what comes twice.
  func run(until outcomes: [Outcome]) -> Bool {
    let haveCome = run { outcomes.allSatisfy { $0.isThere } }
    for _ in 0..<3 { loop.iterate() }
    return haveCome
  }

  /// Does `body` in the loop's next pass: the one after it may sleep, unless there is a reason not to.
  func inPass(_ body: @escaping @Sendable () -> Void) {
    context.schedule(body)
  }
}

/// An engine over the fake kernel, the file being open with O_DIRECT or not, as far as it is told.
struct Injection: Hashable, Sendable, CustomTestStringConvertible {
  let kind: AIOEngine.Kind
  let isDirect: Bool
  let shape: Shape

  var testDescription: String {
    "\(kind), \(isDirect ? "direct" : "buffered"), \(shape)"
  }

  static let all: [Injection] = AIOEngine.Kind.allCases.flatMap { kind in
    [true, false].flatMap { isDirect in
      Shape.allCases.map { Injection(kind: kind, isDirect: isDirect, shape: $0) }
    }
  }

  func make() throws -> (InjectedLoop, AIOEngine) {
    let injected = try InjectedLoop()
    injected.kernel.claimsDirect = isDirect
    let engine = try injected.engine(kind)
    #expect(engine.kind == kind)
    return (injected, engine)
  }

  /// How the first part of such a request is to come to the kernel.
  func way(_ kind: Piece.Kind) -> Piece.Way {
    switch self.kind {
    case .ioURing: return .ring
    case .linuxAIO: return kind == .write && !isDirect ? .call : .linuxAIO
    case .threads: return .call
    }
  }

  /// Whether a first refusal to wait is no attempt, for there is somebody else who may wait.
  func asksPageCacheFirst(_ kind: Piece.Kind) -> Bool {
    if isDirect || kind == .write { return false }
    return self.kind == .linuxAIO || (self.kind == .threads && shape == .single)
  }
}
