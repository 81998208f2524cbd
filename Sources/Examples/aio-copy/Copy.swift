// The pipeline: a fixed number of slots, each of which reads a block, writes it, and goes on to the next one there is,
// until there is none; then the copy is brought to the disk and put in place. What goes wrong, or the user, stops it: no
// request is made any more, those under way are cancelled and waited for, and the completion is called with the first
// reason. Home thread, all of it.

import AioGSource
import SystemPackage

final class Copy: @unchecked Sendable {
  private final class Slot: @unchecked Sendable {
    let buffer: AIOBuffer
    /// The block it has, in the file.
    var block: Range<Int64> = 0..<0
    var request: AIORequest?
    init(blockSize: Int) { buffer = AIOBuffer(count: blockSize) }
  }

  private enum Phase {
    case ready, copying, completing, over
  }

  /// After how many bytes the next synchronization begins; with it 1 GiB is on the disk a quarter sooner.
  private static let synchronizationInterval: Int64 = 64 << 20

  let source: Source
  let destination: Destination
  private let engine: AIOEngine
  private let slots: [Slot]
  private var extents: Extents
  private var phase = Phase.ready
  private var failure: CopyError?
  private var requestsUnderWay = 0
  private var synchronization: AIORequest?
  /// How many of the copied bytes it has been asked to bring to the disk.
  private var synchronized: Int64 = 0
  /// Called once, when nothing is under way any more.
  var onEnd: (Result<Void, CopyError>) -> Void = { _ in }

  /// How far it has come in the file, and how much of that was data: bytes.
  private(set) var passed: Int64 = 0
  private(set) var copied: Int64 = 0
  private var lastRead: Int64 = 0
  var isCompleting: Bool { phase == .completing }

  init(
    from source: Source, to destination: Destination, with engine: AIOEngine, depth: Int,
    blockSize: Int
  ) {
    self.source = source
    self.destination = destination
    self.engine = engine
    // No more memory than the file has use for.
    let blockSize = Int(min(Int64(blockSize), max(Alignment.up(source.size), 1)))
    let blocks = (source.size + Int64(blockSize) - 1) / Int64(blockSize)
    slots = (0..<Int(min(Int64(depth), blocks))).map { _ in Slot(blockSize: blockSize) }
    extents = Extents(of: source.descriptor, size: source.size, blockSize: blockSize)
  }

  func start() {
    guard phase == .ready else { return }
    phase = .copying
    for slot in slots { readNext(slot) }
    goOnIfIdle()
  }

  /// Ends it early, with a reason.
  func stop(_ reason: CopyError) {
    if failure != nil || phase == .over { return }
    failure = reason
    for slot in slots { slot.request?.cancel() }
    synchronization?.cancel()
    goOnIfIdle()
  }

  // MARK: A slot

  private func readNext(_ slot: Slot) {
    if failure != nil { return }
    do {
      guard let block = try extents.next() else { return }
      passed += block.lowerBound - lastRead
      lastRead = block.upperBound
      slot.block = block
    } catch {
      stop(.cannotRead(source.path, error))
      return
    }
    requestsUnderWay += 1
    slot.request = engine.read(
      from: source.descriptor, at: slot.block.lowerBound, into: slot.buffer,
      range: transfer(slot)
    ) { [self] result in
      requestsUnderWay -= 1
      wasRead(slot, result)
      goOnIfIdle()
    }
  }

  private func wasRead(_ slot: Slot, _ result: Result<Int, Errno>) {
    if failure != nil { return }
    switch result {
    case .success(let count) where count >= slot.block.count: write(slot)
    case .success: stop(hasShrunk)
    case .failure(let error):
      stop(
        CopyError(
          description: "cannot read \(source.path) at offset \(slot.block.lowerBound) "
            + "(\(slot.block.count) bytes): \(error)"))
    }
  }

  private func write(_ slot: Slot) {
    requestsUnderWay += 1
    slot.request = engine.write(
      to: destination.descriptor, at: slot.block.lowerBound, from: slot.buffer,
      range: transfer(slot)
    ) { [self] result in
      requestsUnderWay -= 1
      wasWritten(slot, result)
      goOnIfIdle()
    }
  }

  private func wasWritten(_ slot: Slot, _ result: Result<Int, Errno>) {
    switch result {
    case .success:
      copied += Int64(slot.block.count)
      passed += Int64(slot.block.count)
      readNext(slot)
      synchronizeEarly()
    case .failure(let error): stop(cannotWrite(error))
    }
  }

  /// O_DIRECT moves whole blocks: at the file's end more than there is, which the completed copy is rid of.
  private func transfer(_ slot: Slot) -> Range<Int> {
    let count = Int64(slot.block.count)
    return 0..<Int(source.isDirect ? Alignment.up(count) : count)
  }

  // MARK: The end

  /// When nothing is under way any more, the next phase begins.
  private func goOnIfIdle() {
    guard requestsUnderWay == 0, phase != .over else { return }
    if let failure {
      end(.failure(failure))
    } else if phase == .copying {
      complete()
    } else {
      end(Result(catching: destination.putInPlace))
    }
  }

  private func complete() {
    phase = .completing
    passed = source.size
    if source.hasShrunk { return stop(hasShrunk) }
    do {
      try destination.complete(size: source.size, permissions: source.permissions)
    } catch {
      return stop(error)
    }
    synchronize()
  }

  /// From time to time, beside the transfers: little is left for the end then, and for one who waits after Ctrl-C.
  private func synchronizeEarly() {
    if source.isDirect || synchronization != nil { return }
    if copied - synchronized >= Self.synchronizationInterval { synchronize() }
  }

  private func synchronize() {
    synchronized = copied
    requestsUnderWay += 1
    synchronization = engine.synchronize(destination.descriptor) { [self] result in
      requestsUnderWay -= 1
      synchronization = nil
      // The kernel tells of a failed write once, so this may be all that is heard of it.
      if case .failure(let error) = result { stop(cannotWrite(error)) }
      goOnIfIdle()
    }
  }

  private func end(_ result: Result<Void, CopyError>) {
    phase = .over
    onEnd(result)
  }

  private var hasShrunk: CopyError {
    CopyError(description: "cannot copy \(source.path): it became shorter while it was copied")
  }

  private func cannotWrite(_ error: Errno) -> CopyError {
    CopyError(
      description: "cannot write \(destination.path): \(error), "
        + "after \(copied) of \(source.size) bytes")
  }
}
