// A read or write under way, of which only weak references tell whether its buffers are still there.

import AioGSource
import Testing

final class TrackedRequest: @unchecked Sendable {
  private struct Weak { weak var buffer: AIOBuffer? }

  let outcome = Outcome()
  private let buffers: Box<[Weak]>
  /// For each completion: whether all buffers were there while it ran.
  private let held = Box<[Bool]>([])
  /// What was read, taken in the completion.
  let contents = Box<[UInt8]>([])
  private(set) var request: AIORequest!

  init(
    _ kind: Piece.Kind, _ engine: AIOEngine, _ file: TestFile, at offset: Int, count: Int,
    _ shape: Shape, then: (@Sendable () -> Void)? = nil
  ) {
    let strong = shape.buffers(for: [UInt8](repeating: 0xA5, count: count))
    let buffers = Box(strong.map { Weak(buffer: $0) })
    self.buffers = buffers
    let completion: AIOEngine.Completion = { [outcome, held, contents] result in
      let present = buffers.value.compactMap { $0.buffer }
      held.update { $0.append(present.count == buffers.value.count) }
      contents.value = bytes(of: present)
      outcome.completion(result)
      then?()
    }
    let descriptor = file.descriptor
    switch (kind, shape) {
    case (.read, .single):
      request = engine.read(
        from: descriptor, at: Int64(offset), into: strong[0], completion: completion)
    case (.read, .vector):
      request = engine.read(
        from: descriptor, at: Int64(offset), into: strong, completion: completion)
    case (_, .single):
      request = engine.write(
        to: descriptor, at: Int64(offset), from: strong[0], completion: completion)
    case (_, .vector):
      request = engine.write(
        to: descriptor, at: Int64(offset), from: strong, completion: completion)
    }
  }

  var areBuffersThere: Bool { buffers.value.allSatisfy { $0.buffer != nil } }

  /// Checks that it is under way, and holds its buffers.
  func expectUnderWay(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(outcome.all.isEmpty, sourceLocation: sourceLocation)
    #expect(!request.isFinished, sourceLocation: sourceLocation)
    #expect(areBuffersThere, sourceLocation: sourceLocation)
  }

  /// Checks that it completed once, held its buffers until then, and no longer.
  func expectFinished(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(outcome.all.count == 1, sourceLocation: sourceLocation)
    #expect(held.value == [true], sourceLocation: sourceLocation)
    #expect(request.isFinished, sourceLocation: sourceLocation)
    #expect(buffers.value.allSatisfy { $0.buffer == nil }, sourceLocation: sourceLocation)
  }
}
