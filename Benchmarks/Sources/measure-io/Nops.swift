// Row ring.nop: what a request costs on the ring when the kernel has nothing to do for it.

import AioGSource
import Measuring
import SystemPackage

func nops() throws -> Double {
  let context = try AioContext(name: "measured")
  let nops = Nops(engine: try context.engine(.ioURing))
  return perOperation(try Operations(nops, on: context, depth: Arguments.number(1)).run)
}

private struct Nops: Work {
  let engine: AIOEngine

  static func completion(_ end: @escaping @Sendable () -> Void) -> CountCompletion {
    CountCompletion(0, "a nop", end)
  }

  func start(_ slot: Int, _ completion: CountCompletion) {
    engine.noOperation(completion: completion.call)
  }
}
