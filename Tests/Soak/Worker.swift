// One context under load: lanes, each of which does one operation after the other on the home thread, until the round is
// over. What an operation began it waits for, so that a lane which has ended has left nothing behind.

import AioGSource
import Glibc
import SeededRandom
import Synchronization
import SystemPackage

final class Worker: @unchecked Sendable {
  static let lanes = 6

  let context: AioContext
  private let lanesLeft = Atomic<Int>(0)
  private let pushed = Atomic<Int>(0)
  private let pushedRan = Atomic<Int>(0)

  // Home thread.
  var random: SeededGenerator
  var engines: [AIOEngine] = []
  let file: FileDescriptor
  /// How many passes of nestedPoll are under way.
  var nesting = 0
  private var end: Int64 = 0
  private var laneStates = [String](repeating: "not begun", count: Worker.lanes)

  init(context: AioContext, seed: UInt64) {
    self.context = context
    random = SeededGenerator(seed: seed)
    let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let descriptor = open(directory, (0o20000000 | O_DIRECTORY) | O_RDWR | O_CLOEXEC, 0o600)
    check(descriptor >= 0, "a file in \(directory): errno \(errno)")
    file = FileDescriptor(rawValue: descriptor)
  }

  deinit {
    close(file.rawValue)
  }

  // MARK: Any thread

  func begin(until end: Int64) {
    lanesLeft.store(Self.lanes, ordering: .relaxed)
    context.schedule(name: "begin") { [self] in
      self.end = end
      engines = AIOEngine.Kind.allCases.filter { usesRing || $0 != .ioURing }
        .compactMap { try? context.engine($0) }
      for lane in 0..<Self.lanes { next(lane) }
    }
  }

  func push() {
    pushed.add(1, ordering: .relaxed)
    context.schedule(name: "pushed") { [self] in
      check(context.isHomeThread, "a bottom half runs on another thread than the home thread")
      pushedRan.add(1, ordering: .relaxed)
      Tally.shared.add(.bottomHalfFromThread)
    }
  }

  var isQuiet: Bool {
    lanesLeft.load(ordering: .acquiring) == 0
      && pushedRan.load(ordering: .relaxed) == pushed.load(ordering: .relaxed)
  }

  var underWay: String {
    """
    lanes \(lanesLeft.load(ordering: .acquiring)) of \(laneStates), bottom halves \
    \(pushedRan.load(ordering: .relaxed)) of \(pushed.load(ordering: .relaxed))
    """
  }

  /// All has ended: the context has nothing left of it.
  func checkEnd() {
    let statistics = context.statistics
    check(statistics.handlers == 0, "\(context.name) has \(statistics.handlers) handlers left")
    check(statistics.timers == 0, "\(context.name) has \(statistics.timers) timers left")
    engines = []
  }

  // MARK: Home thread

  /// The lane's next operation, or its end.
  func next(_ lane: Int) {
    check(context.isHomeThread, "a callback runs on another thread than the home thread")
    if AioClock.realtime.now >= end {
      laneStates[lane] = "ended"
      lanesLeft.subtract(1, ordering: .releasing)
      return
    }
    let kind = Self.kinds.randomElement(using: &random)!
    laneStates[lane] = "\(kind)"
    start(kind, lane: lane)
  }

  func ended(_ kind: OperationKind, _ lane: Int) {
    Tally.shared.add(kind)
    next(lane)
  }

  private static let kinds: [OperationKind] = [
    .bottomHalf, .deletedBottomHalf, .timer, .cancelledTimer, .handler, .nestedPoll, .file, .socket,
    .cancelledRequest, .poolJob,
  ]

  var engine: AIOEngine { engines.randomElement(using: &random)! }
}
