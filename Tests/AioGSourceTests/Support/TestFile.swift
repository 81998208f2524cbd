// A real file for tests of transfers, with contents that are known, and buffers of every shape.

import AioGSource
import SystemPackage
import Testing

/// A file with random bytes that are known.
final class TestFile: @unchecked Sendable {
  private let file: TemporaryFile
  let contents: [UInt8]
  var descriptor: FileDescriptor { file.descriptor }

  init(count: Int, seed: UInt64 = 1) throws {
    contents = randomBytes(count, seed: seed)
    file = try TemporaryFile(contents)
  }

  /// What is in it now.
  func read() -> [UInt8] { file.contents }
}

/// How the memory of a transfer lies.
enum Shape: CaseIterable, Sendable {
  case single
  /// In buffers of odd sizes, an empty one among them.
  case vector

  func buffers(for bytes: [UInt8]) -> [AIOBuffer] {
    if self == .single { return [AIOBuffer(bytes)] }
    var rest = bytes[...]
    var buffers: [AIOBuffer] = []
    for size in [1, 511, 0, 512, 4097, 3] where rest.count > size {
      buffers.append(AIOBuffer(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
    return buffers + [AIOBuffer(rest)]
  }
}

/// Where two stretches of bytes are no longer the same; nil if they are. Testing would look for the shortest way from the one
/// to the other, which takes a while.
func firstDifference(_ bytes: [UInt8], _ expected: [UInt8]) -> Int? {
  if bytes == expected { return nil }
  return zip(bytes, expected).enumerated().first { $1.0 != $1.1 }?.offset
    ?? min(bytes.count, expected.count)
}

func bytes(of buffers: [AIOBuffer]) -> [UInt8] {
  buffers.flatMap { Array($0.bytes) }
}

/// What came of a request, as often as it came.
final class Outcome: @unchecked Sendable {
  private let box = Box<[Result<Int, Errno>]>([])
  var all: [Result<Int, Errno>] { box.value }
  var isThere: Bool { !all.isEmpty }
  var completion: AIOEngine.Completion { { [box] result in box.update { $0.append(result) } } }

  /// Checks that it came once, and what it was.
  func expect(
    _ result: Result<Int, Errno>, _ comment: @autoclosure () -> Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(all == [result], comment(), sourceLocation: sourceLocation)
  }
}

extension AIOEngine {
  /// Reads into buffers, or into the one.
  @discardableResult
  func read(_ file: TestFile, at offset: Int, into buffers: [AIOBuffer], _ outcome: Outcome)
    -> AIORequest
  {
    buffers.count == 1
      ? read(
        from: file.descriptor, at: Int64(offset), into: buffers[0], completion: outcome.completion)
      : read(
        from: file.descriptor, at: Int64(offset), into: buffers, completion: outcome.completion)
  }

  @discardableResult
  func write(_ file: TestFile, at offset: Int, from buffers: [AIOBuffer], _ outcome: Outcome)
    -> AIORequest
  {
    buffers.count == 1
      ? write(
        to: file.descriptor, at: Int64(offset), from: buffers[0], completion: outcome.completion)
      : write(to: file.descriptor, at: Int64(offset), from: buffers, completion: outcome.completion)
  }
}
