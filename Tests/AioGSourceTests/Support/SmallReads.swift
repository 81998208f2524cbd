// Many small reads at once, each of its own part of a file, and what came of them.

import AioGSource
import Testing

struct SmallReads: Sendable {
  /// Bytes of each.
  static let size = 64

  let engine: AIOEngine
  let file: TestFile
  let buffers: [AIOBuffer]
  let outcomes: [Outcome]

  init(_ count: Int, on engine: AIOEngine) throws {
    self.engine = engine
    file = try TestFile(count: count * Self.size)
    buffers = (0..<count).map { _ in AIOBuffer(count: Self.size) }
    outcomes = (0..<count).map { _ in Outcome() }
  }

  func start(_ range: Range<Int>? = nil) {
    for index in range ?? 0..<buffers.count {
      engine.read(file, at: index * Self.size, into: [buffers[index]], outcomes[index])
    }
  }

  /// All of them: together, outside of passes, or in a pass.
  func startAll(on injected: InjectedLoop, inPass: Bool) {
    if inPass {
      injected.inPass { start() }
    } else {
      engine.withBatch { start() }
    }
  }

  /// Checks that each read what was its own, once.
  func expectSuccess(
    _ range: Range<Int>? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let range = range ?? 0..<buffers.count
    #expect(
      outcomes[range].allSatisfy { $0.all == [.success(Self.size)] },
      sourceLocation: sourceLocation)
    let expected = file.contents[range.lowerBound * Self.size..<range.upperBound * Self.size]
    #expect(
      firstDifference(bytes(of: Array(buffers[range])), Array(expected)) == nil,
      sourceLocation: sourceLocation)
  }
}
