// Row ring.nop: what a request costs on the ring when the kernel has nothing to do for it. A submission that the caller
// prepares, with an entry left zeroed: IORING_OP_NOP.

import AioGSource
import Measuring

func nops() throws -> Double {
  let nops = try Nops()
  return perOperation(nops.run)
}

private final class Nops: Operations, @unchecked Sendable {
  private let engine: AIOEngine
  private var completions: [@Sendable (RawCompletion) -> Void] = []

  init() throws {
    let context = try AioContext(name: "measured")
    engine = try context.engine(.ioURing)
    let depth = Arguments.number(1)
    try super.init(context, depth: depth)
    completions = (0..<depth).map { slot in
      { [unowned self] completion in
        check(completion.result == 0 && completion.isLast, "a nop came to \(completion)")
        end(slot)
      }
    }
  }

  override func start(_ slot: Int) {
    do {
      try engine.submit({ _ in }, completion: completions[slot])
    } catch {
      fail("a nop cannot be submitted: \(error)")
    }
  }
}
