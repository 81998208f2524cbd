// Contract 18, 20, 21: random walks over a context's requests with every injected fault at once: each request completes
// exactly once, with a result it may have, and keeps its buffers until then and no longer.

import Glibc
import SeededRandom
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct FaultWalkTests {
    /// What may come of a request in a walk.
    private static let results: [Result<Int, Errno>] = [
      .success(600), .failure(.canceled), .failure(.ioError), .failure(.badFileDescriptor),
      .failure(.resourceTemporarilyUnavailable),
    ]

    @Test(arguments: AIOEngine.Kind.allCases, 0..<12)
    func whateverGoesWrongEveryRequestCompletesOnce(_ kind: AIOEngine.Kind, _ seed: Int) throws {
      let combination = Combination.all[seed % Combination.all.count]
      let injected = try InjectedLoop(combination)
      let walk = try Walk(injected, kind, seed: UInt64(seed))
      for _ in 0..<1_000 { walk.step() }
      walk.calm()
      #expect(
        injected.run {
          walk.release()
          return walk.requests.allSatisfy { $0.outcome.isThere }
        })
      for _ in 0..<3 { injected.loop.iterate() }
      #expect(walk.requests.count > 100)
      for request in walk.requests { request.expectFinished() }
      let outcomes = walk.requests.flatMap { $0.outcome.all }
      #expect(outcomes.allSatisfy { Self.results.contains($0) })
      // That the walk came by everything; what workers are in time for is not the seed's to say.
      for result in kind == .threads ? Self.results.prefix(1) : Self.results.prefix(3) {
        #expect(outcomes.contains(result))
      }
      for (index, request) in walk.requests.enumerated()
      where request.outcome.all == [.success(600)] && index % 2 == 0 {
        #expect(request.contents.value == Array(walk.file.contents[index * 10..<index * 10 + 600]))
      }
      var outstanding = 0
      injected.io.pool.visitOutstanding { _ in outstanding += 1 }
      #expect(outstanding == 0)
      #expect(walk.engine.kind == kind)
      #expect(injected.script.ways.contains(walk.way))
    }
  }
}

private final class Walk {
  let injected: InjectedLoop
  let engine: AIOEngine
  let file: TestFile
  private let scratch: TestFile
  private(set) var requests: [TrackedRequest] = []
  private var random: SeededGenerator
  private let kind: AIOEngine.Kind

  init(_ injected: InjectedLoop, _ kind: AIOEngine.Kind, seed: UInt64) throws {
    self.injected = injected
    self.kind = kind
    random = SeededGenerator(seed: seed)
    injected.kernel.claimsDirect = seed % 2 == 0
    injected.kernel.linuxAIO.setUpAnswers = [EAGAIN]
    engine = try injected.engine(
      kind, submissionEntries: seed % 3 == 0 ? 2 : 8, completionEntries: seed % 4 == 0 ? 2 : 4)
    injected.ring?.isBusyWhileOverflowed = seed % 2 == 1
    file = try TestFile(count: 20_000, seed: seed)
    scratch = try TestFile(count: 20_000, seed: seed)
    try injected.context.threadPool.setThreads(minimum: 0, maximum: 2)
    // A worker that is held would have to be let go by the thread that waits for it.
    injected.script.release()
  }

  var way: Piece.Way {
    switch kind {
    case .ioURing: return .ring
    case .linuxAIO: return .linuxAIO
    case .threads: return .call
    }
  }

  func step() {
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<8: start()
    case 8..<11: requests.suffix(6).randomElement(using: &random)?.request.cancel()
    case 11: answer()
    case 12: refuse()
    case 13: release()
    case 14: injected.ring?.canCancel.toggle()
    default:
      injected.ring?.look()
      injected.loop.iterate()
    }
  }

  private func start() {
    let index = requests.count
    let shape = Shape.allCases.randomElement(using: &random)!
    requests.append(
      index % 2 == 0
        ? TrackedRequest(.read, engine, file, at: index * 10, count: 600, shape)
        : TrackedRequest(.write, engine, scratch, at: index * 10, count: 600, shape))
  }

  private func answer() {
    let answers: [Answer] = [
      .perform, .perform, .short(1), .short(511), .short(512), .error(EINTR), .error(EAGAIN),
      .hold, .error(EIO), .refuse(EBADF),
    ]
    for kind in [Piece.Kind.read, .write] {
      injected.script.answer(kind, (0..<12).map { _ in answers.randomElement(using: &random)! })
    }
  }

  private func refuse() {
    let refusals: [Submission] = [
      .error(EBUSY), .error(EAGAIN), .error(ENOMEM), .error(EINTR), .accept(1), .accept(3),
    ]
    // What passes on a ring is an error on Linux AIO, which has no such answers.
    let possible = kind == .ioURing ? refusals : [refusals[1], refusals[3], refusals[4]]
    injected.script.answerSubmissions(
      (0..<3).map { _ in possible.randomElement(using: &random)! })
  }

  /// What the kernel holds it finishes.
  func release() {
    injected.ring?.release()
    injected.kernel.linuxAIO.release()
  }

  /// From here on nothing goes wrong.
  func calm() {
    injected.script.answer(.read, [])
    injected.script.answer(.write, [])
    injected.script.answerSubmissions([])
  }
}
