// One context at work: as many requests as the depth says, each made anew when it completes, until there have been enough.
// All on the context's home thread, but for `stop` and `completed`.

import AioGSource
import Foundation
import Synchronization
import SystemPackage

final class Worker: @unchecked Sendable {
  private final class Slot: @unchecked Sendable {
    let buffer: AIOBuffer
    var start: Int64 = 0
    var completion: AIOEngine.Completion = { _ in }
    init(_ buffer: AIOBuffer) { self.buffer = buffer }
  }

  let context: AioContext
  private let file: BenchFile
  private let blockSize: Int
  private let isWriting: Bool
  private let isRandom: Bool
  private let slots: [Slot]
  private let depth: Int
  /// Operations left to start; nil: until stopped.
  private var left: Int?
  private var offset: Int64
  private var generator: UInt64
  private var underWay = 0
  private var onEnd: () -> Void = {}

  private let isStopped = Atomic<Bool>(false)
  /// For the progress line.
  private let done = Atomic<Int>(0)
  let histogram = Histogram()
  private(set) var failure: String?
  private(set) var kind: AIOEngine.Kind = .threads

  init(_ options: AioBench, file: BenchFile, context: AioContext, index: Int, count: Int?) {
    self.context = context
    self.file = file
    blockSize = options.blockSize.value
    isWriting = options.write
    isRandom = options.pattern == .random
    depth = options.depth
    left = count
    let blocks = file.size / blockSize
    offset = Int64(blocks / options.contexts * index * blockSize)
    generator = 0x9e37_79b9_7f4a_7c15 &* UInt64(index + 1)
    let pattern = isWriting ? BenchFile.randomBytes(blockSize) : []
    slots = (0..<min(depth, count ?? .max)).map { _ in
      let buffer = AIOBuffer(count: options.blockSize.value)
      if !pattern.isEmpty { buffer.bytes.copyBytes(from: pattern) }
      return Slot(buffer)
    }
  }

  var completed: Int { done.load(ordering: .relaxed) }

  func stop() { isStopped.store(true, ordering: .relaxed) }

  /// Makes the first requests. `onEnd` is called when all have completed.
  func start(_ choice: EngineChoice, onEnd: @escaping () -> Void) {
    self.onEnd = onEnd
    let engine: AIOEngine
    do {
      engine =
        try choice.kind.map { kind throws(AioError) in try context.engine(kind) } ?? context.io
    } catch {
      failure = "\(error)"
      onEnd()
      return
    }
    kind = engine.kind
    for slot in slots {
      slot.completion = { [self, engine] in completed(slot, engine, $0) }
    }
    let now = AioClock.realtime.now
    engine.withBatch {
      for slot in slots { request(slot, engine, now) }
    }
  }

  private func request(_ slot: Slot, _ engine: AIOEngine, _ now: Int64) {
    if let left {
      if left == 0 { return }
      self.left = left - 1
    }
    underWay += 1
    slot.start = now
    let position = nextOffset()
    if isWriting {
      engine.write(
        to: file.descriptor, at: position, from: slot.buffer, completion: slot.completion)
    } else {
      engine.read(
        from: file.descriptor, at: position, into: slot.buffer, completion: slot.completion)
    }
  }

  private func nextOffset() -> Int64 {
    if isRandom {
      // xorshift: the file's blocks in no order.
      generator ^= generator << 13
      generator ^= generator >> 7
      generator ^= generator << 17
      return Int64(generator % UInt64(file.size / blockSize)) * Int64(blockSize)
    }
    let position = offset
    offset += Int64(blockSize)
    if offset >= file.size { offset = 0 }
    return position
  }

  private func completed(_ slot: Slot, _ engine: AIOEngine, _ result: Result<Int, Errno>) {
    underWay -= 1
    let now = AioClock.realtime.now
    histogram.record(now - slot.start)
    done.store(done.load(ordering: .relaxed) + 1, ordering: .relaxed)
    switch result {
    case .success(blockSize): break
    case .success(let count): fail("a transfer of \(blockSize) bytes came to \(count)")
    case .failure(let error): fail("\(isWriting ? "write" : "read") failed: \(error)")
    }
    if failure == nil && !isStopped.load(ordering: .relaxed) { request(slot, engine, now) }
    if underWay == 0 { end() }
  }

  private func end() {
    // They hold their slots, and this.
    for slot in slots { slot.completion = { _ in } }
    onEnd()
  }

  private func fail(_ text: String) {
    if failure == nil { failure = text }
  }
}
