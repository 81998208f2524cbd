// The requests' memory: taken in blocks, given out and taken back without the allocator. Handles hold the pool, so a
// handle may outlive its context and still be asked whether its request is finished.
//
// `take` and `give` are the home thread's; the generation of a node may be read by any.

import Synchronization

final class RequestPool: @unchecked Sendable {
  private static let blockCount = 64

  private var free: Request?
  private var blocks: [Request] = []
  /// Given out and not back yet.
  private(set) var outstanding = 0
  /// What a request that is not under way is with.
  private let nobody = Backend()
  /// Whose requests they are; nil once it is gone.
  private let lock = Lock()
  private weak var owner: AioContext?

  init(owner: AioContext) {
    self.owner = owner
  }

  deinit {
    for block in blocks {
      block.deinitialize(count: Self.blockCount)
      block.deallocate()
    }
  }

  var context: AioContext? { lock.withLock { owner } }

  @inline(__always)
  func take() -> Request {
    if free == nil { grow() }
    let request = free.unsafelyUnwrapped
    free = request.pointee.next
    request.pointee.isTaken = true
    outstanding += 1
    return request
  }

  @inline(__always)
  func give(_ request: Request) {
    request.pointee.generation.store(
      request.pointee.generation.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    request.pointee.isTaken = false
    request.pointee.next = free
    free = request
    outstanding -= 1
  }

  @inline(never)
  private func grow() {
    let block = Request.allocate(capacity: Self.blockCount)
    for index in (0..<Self.blockCount).reversed() {
      (block + index).initialize(to: RequestNode(backend: nobody))
      (block + index).pointee.next = free
      free = block + index
    }
    blocks.append(block)
  }

  /// Calls `body` for each request that is under way.
  func visitOutstanding(_ body: (Request) -> Void) {
    for block in blocks {
      for index in 0..<Self.blockCount where (block + index).pointee.isTaken {
        body(block + index)
      }
    }
  }
}
