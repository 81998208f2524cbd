// The tour's file, read through each I/O engine that can be had here, and what came of it compared with what is in it.

import AioGSource
import CGLib
import Foundation
import SystemPackage

struct EngineResult {
  let engine: AIOEngine.Kind
  /// Why it cannot be had; the rest is empty then.
  var refusal: String?
  var bytes = 0
  var nanoseconds: Int64 = 0
  var matches = false

  var bytesPerSecond: Double { Double(bytes) * 1e9 / Double(max(nanoseconds, 1)) }
}

struct EngineStation {
  let loop: TourLoop
  let file: String

  private static let blockSize = 128 << 10
  private static let depth = 16
  /// A short file is read again and again, until there is something to measure.
  private static let leastBytes = 64 << 20

  func run() throws -> [EngineResult] {
    let source: FileDescriptor
    let contents: Data
    do {
      source = try FileDescriptor.open(file, .readOnly)
      contents = try Data(contentsOf: URL(fileURLWithPath: file))
    } catch {
      throw TourError(description: "cannot open \(file): \(error)")
    }
    defer { try? source.close() }
    return try AIOEngine.Kind.allCases.map { kind in
      do {
        return try read(source, contents, through: try loop.context.engine(kind))
      } catch let error as AioError {
        return EngineResult(engine: kind, refusal: "\(error)")
      }
    }
  }

  /// The reading of one file, over and over. The main thread's.
  private final class Reading: @unchecked Sendable {
    let engine: AIOEngine
    let source: FileDescriptor
    let contents: Data
    var next = 0
    var bytes = 0
    var underWay = 0
    var failure: String?
    var differs = false

    init(_ engine: AIOEngine, _ source: FileDescriptor, _ contents: Data) {
      self.engine = engine
      self.source = source
      self.contents = contents
    }

    func start(_ buffer: AIOBuffer) {
      if failure != nil || bytes >= EngineStation.leastBytes { return }
      let offset = next
      next =
        offset + EngineStation.blockSize < contents.count ? offset + EngineStation.blockSize : 0
      underWay += 1
      engine.read(from: source, at: Int64(offset), into: buffer) { [self] in
        underWay -= 1
        ended(offset, buffer, $0)
        start(buffer)
      }
    }

    private func ended(_ offset: Int, _ buffer: AIOBuffer, _ result: Result<Int, Errno>) {
      switch result {
      case .success(let count):
        // The first time round every byte is compared.
        if bytes <= contents.count {
          let expected = contents.dropFirst(offset).prefix(EngineStation.blockSize)
          differs = differs || !expected.elementsEqual(buffer.bytes.prefix(count))
        }
        bytes += count
        if count == 0 { failure = "it became shorter" }
      case .failure(let error): failure = "cannot read it: \(error)"
      }
    }
  }

  private func read(
    _ source: FileDescriptor, _ contents: Data, through engine: AIOEngine
  ) throws -> EngineResult {
    if contents.isEmpty { return EngineResult(engine: engine.kind, matches: true) }
    let reading = Reading(engine, source, contents)
    let start = AioClock.realtime.now
    engine.withBatch {
      for _ in 0..<Self.depth { reading.start(AIOBuffer(count: Self.blockSize)) }
    }
    try loop.run { reading.underWay == 0 }
    let nanoseconds = AioClock.realtime.now - start
    if let failure = reading.failure { throw TourError(description: "\(file): \(failure)") }
    return EngineResult(
      engine: engine.kind, bytes: reading.bytes, nanoseconds: nanoseconds,
      matches: !reading.differs)
  }
}
