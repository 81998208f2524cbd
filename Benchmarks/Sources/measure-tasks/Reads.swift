// Row read.64b: what awaiting adds to a read of a few bytes from the page cache, beside a callback.

import AioGSource
import Measuring
import SystemPackage

func reads(awaited: Bool) throws -> Double {
  let context = try AioContext(name: "measured")
  let file = try FileDescriptor.open(FilePath(Arguments[1]), .readOnly)
  let buffer = AIOBuffer(count: 64)
  let engine = context.io
  if awaited {
    return onAContext(context) { count in
      for _ in 0..<count {
        let bytes = try? await engine.read(from: file, at: 0, into: buffer)
        check(bytes == 64, "a read came to \(bytes as Int?, default: "an error")")
      }
    }
  }
  return withCallbacks(on: context) { Reader(engine, file, buffer, $0, $1).next() }
}

private final class Reader: @unchecked Sendable {
  private let engine: AIOEngine
  private let file: FileDescriptor
  private let buffer: AIOBuffer
  private let done: @Sendable () -> Void
  private var left: Int

  init(
    _ engine: AIOEngine, _ file: FileDescriptor, _ buffer: AIOBuffer, _ count: Int,
    _ done: @escaping @Sendable () -> Void
  ) {
    self.engine = engine
    self.file = file
    self.buffer = buffer
    self.done = done
    left = count
  }

  func next() {
    left -= 1
    if left < 0 { return done() }
    engine.read(from: file, at: 0, into: buffer) { result in
      check(result == .success(64), "a read came to \(result)")
      self.next()
    }
  }
}
