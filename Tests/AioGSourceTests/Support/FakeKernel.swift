// A kernel behind the engines' seam that does what a script says: short transfers, errors, refused submissions, queues
// that overflow. What it performs it performs on real files, by plain system calls.

import CLiburing
import Glibc

@testable import AioGSource

final class FakeKernel: Kernel, @unchecked Sendable {
  let script = Script()
  /// The rings it has given out, by address.
  private var rings: [UnsafeMutablePointer<io_uring>: FakeRing] = [:]
  let linuxAIO: FakeLinuxAIO
  /// Says that every file is open with O_DIRECT.
  var claimsDirect = true
  /// Operations, by number, that it says its rings do not have.
  var unsupported: Set<UInt32> = []

  override init() {
    linuxAIO = FakeLinuxAIO(script: script)
    super.init()
  }

  // MARK: io_uring

  /// Makes a ring of so many entries.
  func makeRing(submissionEntries: Int, completionEntries: Int, features: UInt32 = 0) -> (
    Ring, FakeRing
  ) {
    let fake = FakeRing(
      script: script, submissionEntries: submissionEntries, completionEntries: completionEntries)
    rings[fake.pointer] = fake
    return (Ring(pointer: fake.pointer, features: features, kernel: self), fake)
  }

  override func ringSupports(
    _ ring: UnsafeMutablePointer<io_uring>, _ operations: [io_uring_op]
  ) -> Bool {
    operations.allSatisfy { !unsupported.contains($0.rawValue) }
  }

  override func ringSubmit(_ ring: UnsafeMutablePointer<io_uring>) -> CInt {
    rings[ring]!.enter(posts: false)
  }

  override func ringSubmitAndPost(_ ring: UnsafeMutablePointer<io_uring>) -> CInt {
    rings[ring]!.enter(posts: true)
  }

  override func ringPost(_ ring: UnsafeMutablePointer<io_uring>) -> CInt {
    rings[ring]!.post()
  }

  override func ringSubmitAndWait(
    _ ring: UnsafeMutablePointer<io_uring>, _ timeout: UnsafeMutablePointer<__kernel_timespec>?
  ) -> CInt {
    let milliseconds = timeout.map {
      CInt($0.pointee.tv_sec * 1000 + $0.pointee.tv_nsec / 1_000_000)
    }
    return rings[ring]!.enterAndWait(timeout: milliseconds.map { $0 + 1 } ?? -1)
  }

  override func ringClose(_ ring: UnsafeMutablePointer<io_uring>) {
    rings.removeValue(forKey: ring)!.close()
  }

  // MARK: Linux AIO

  override func aioSetUp(_ entries: UInt32, _ context: UnsafeMutablePointer<aio_context_t>) -> Int {
    linuxAIO.setUp(entries, context)
  }

  override func aioSubmit(
    _ context: aio_context_t, _ blocks: UnsafeMutablePointer<UnsafeMutablePointer<iocb>?>,
    _ count: Int
  ) -> Int {
    linuxAIO.submit(UnsafeBufferPointer(start: blocks, count: count).map { $0! })
  }

  override func aioCancel(_ context: aio_context_t, _ block: UnsafeMutablePointer<iocb>) -> Int {
    linuxAIO.cancel(block)
  }

  override func aioGetEvents(
    _ context: aio_context_t, minimum: Int, _ events: UnsafeMutablePointer<io_event>, _ count: Int
  ) -> Int {
    linuxAIO.getEvents(minimum: minimum, UnsafeMutableBufferPointer(start: events, count: count))
  }

  override func aioDestroy(_ context: aio_context_t) {
    linuxAIO.destroy()
  }

  // MARK: Plain calls

  override func read(
    _ descriptor: CInt, _ vectors: UnsafePointer<iovec>, _ count: CInt, _ offset: Int64,
    _ flags: CInt
  ) -> Int {
    call(.read, descriptor, vectors, count, offset, flags)
  }

  override func write(
    _ descriptor: CInt, _ vectors: UnsafePointer<iovec>, _ count: CInt, _ offset: Int64,
    _ flags: CInt
  ) -> Int {
    call(.write, descriptor, vectors, count, offset, flags)
  }

  private func call(
    _ kind: Piece.Kind, _ descriptor: CInt, _ vectors: UnsafePointer<iovec>, _ count: CInt,
    _ offset: Int64, _ flags: CInt
  ) -> Int {
    let piece = Piece(
      way: .call, kind: kind, descriptor: descriptor,
      vectors: Array(UnsafeBufferPointer(start: vectors, count: Int(count))), offset: offset,
      flags: flags)
    let answer = script.next(piece)
    if let result = Script.result(answer, piece) { return result }
    if flags & CInt(AIOGS_RWF_NOWAIT) != 0 {
      // The home thread is not to be held.
      script.takeBack(piece, answer)
      return -Int(EAGAIN)
    }
    while !script.mayGoOn { usleep(200) }
    return piece.perform()
  }

  override func statusFlags(_ descriptor: CInt) -> CInt {
    let flags = super.statusFlags(descriptor)
    return flags >= 0 && claimsDirect ? flags | CInt(AIOGS_O_DIRECT) : flags
  }
}
