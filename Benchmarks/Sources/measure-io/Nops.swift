// Row ring.nop: what a request costs on the ring when the kernel has nothing to do for it. A submission that the caller
// prepares, with an entry left zeroed: IORING_OP_NOP.

import AioGSource
import Measuring

func nops() throws -> Double {
  let context = try AioContext(name: "measured")
  let nops = Nops(engine: try context.engine(.ioURing))
  return perOperation(try Operations(nops, on: context, depth: Arguments.number(1)).run)
}

private struct Nops: Work {
  let engine: AIOEngine

  func start(_ slot: Int, _ completion: @escaping @Sendable (RawCompletion) -> Void) {
    do {
      try engine.submit({ _ in }, completion: completion)
    } catch {
      fail("a nop cannot be submitted: \(error)")
    }
  }

  static func check(_ completion: RawCompletion) {
    Measuring.check(completion.result == 0 && completion.isLast, "a nop came to \(completion)")
  }
}
