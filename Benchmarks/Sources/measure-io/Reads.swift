// Row read: 4 KiB, sequential, over and over through the whole file.

import AioGSource
import Measuring
import SystemPackage

func reads() throws -> Double {
  let name = Arguments.value(of: "--engine") ?? "io_uring"
  guard let kind = AIOEngine.Kind(rawValue: name) else { fail("there is no engine '\(name)'") }
  let depth = Arguments.number(2)
  let context = try AioContext(name: "measured")
  let reads = try Reads(
    engine: try context.engine(kind), path: FilePath(Arguments[1]),
    isDirect: Arguments.has("--direct"), depth: depth)
  let operations = try Operations(
    reads, on: context, depth: depth, inGLib: Arguments.has("--glib"))
  return costPerOperation(operations.run)
}

private struct Reads: Work, @unchecked Sendable {
  private static let block = 4096

  private let engine: AIOEngine
  private let file: FileDescriptor
  private let size: Int64
  private let buffers: [AIOBuffer]
  /// Of the next read.
  private let offset = UnsafeMutablePointer<Int64>.allocate(capacity: 1)

  init(engine: AIOEngine, path: FilePath, isDirect: Bool, depth: Int) throws {
    self.engine = engine
    file = try .open(path, .readOnly, options: isDirect ? .direct : [])
    size = try file.seek(offset: 0, from: .end) / Int64(Self.block) * Int64(Self.block)
    Measuring.check(size > 0, "\(path) has not a block of \(Self.block) bytes")
    offset.initialize(to: 0)
    buffers = (0..<depth).map { _ in AIOBuffer(count: Self.block) }
  }

  static func completion(_ end: @escaping @Sendable () -> Void) -> CountCompletion {
    CountCompletion(block, "a read", end)
  }

  func start(_ slot: Int, _ completion: CountCompletion) {
    engine.read(from: file, at: offset.pointee, into: buffers[slot], completion: completion.call)
    offset.pointee += Int64(Self.block)
    if offset.pointee == size { offset.pointee = 0 }
  }
}
