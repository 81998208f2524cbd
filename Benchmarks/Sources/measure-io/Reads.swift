// Row read: 4 KiB, sequential, over and over through the whole file.

import AioGSource
import Glibc
import Measuring
import SystemPackage

func reads() throws -> Double {
  let reads = try Reads()
  return costPerOperation(reads.run)
}

private final class Reads: Operations, @unchecked Sendable {
  private static let block = 4096

  private let engine: AIOEngine
  private let file: FileDescriptor
  private let size: Int64
  private let buffers: [AIOBuffer]
  private var completions: [AIOEngine.Completion] = []
  private var offset: Int64 = 0

  init() throws {
    var options: FileDescriptor.OpenOptions = []
    if Arguments.has("--direct") { options.insert(.direct) }
    file = try .open(FilePath(Arguments[1]), .readOnly, options: options)
    size = try file.seek(offset: 0, from: .end) / Int64(Self.block) * Int64(Self.block)
    check(size > 0, "\(Arguments[1]) has not a block of \(Self.block) bytes")
    let depth = Arguments.number(2)
    buffers = (0..<depth).map { _ in AIOBuffer(count: Self.block) }
    let name = Arguments.value(of: "--engine") ?? "io_uring"
    guard let kind = AIOEngine.Kind(rawValue: name) else { fail("there is no engine '\(name)'") }
    let context = try AioContext(name: "measured")
    engine = try context.engine(kind)
    try super.init(context, depth: depth, inGLib: Arguments.has("--glib"))
    completions = (0..<depth).map { slot in
      { [unowned self] in have(slot, $0) }
    }
  }

  override func start(_ slot: Int) {
    engine.read(
      from: file, at: offset, into: buffers[slot], completion: completions[slot])
    offset += Int64(Self.block)
    if offset == size { offset = 0 }
  }

  private func have(_ slot: Int, _ result: Result<Int, Errno>) {
    check(result == .success(Self.block), "a read came to \(result)")
    end(slot)
  }
}
