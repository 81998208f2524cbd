// The requests' memory: taken in blocks that stay, so that a handle may outlive its request, and its context, and still be
// asked whether it is finished. The unused ones are a list of ContextIO's, which gives them out and takes them back
// without the allocator.
//
// `grow` and `visitOutstanding` are the home thread's; the generation of a node may be read by any.

import Synchronization

final class RequestPool: @unchecked Sendable {
  private static let blockCount = 64

  private var blocks: [Request] = []
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

  /// A list of unused requests.
  @inline(never)
  func grow() -> Request {
    let block = Request.allocate(capacity: Self.blockCount)
    var free: Request?
    for index in (0..<Self.blockCount).reversed() {
      (block + index).initialize(to: RequestNode(backend: nobody))
      (block + index).pointee.next = free
      free = block + index
    }
    blocks.append(block)
    return block
  }

  /// Calls `body` for each request that is given out.
  func visitOutstanding(_ body: (Request) -> Void) {
    for block in blocks {
      for index in 0..<Self.blockCount where (block + index).pointee.isTaken {
        body(block + index)
      }
    }
  }
}
