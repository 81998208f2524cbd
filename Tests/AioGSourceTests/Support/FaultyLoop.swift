// A loop over a faulty kernel, which is woken from outside when it sleeps on.

import Testing

@testable import AioGSource

final class FaultyLoop: @unchecked Sendable {
  let kernel: FaultyKernel
  let context: AioContext
  private let mainContext = MainContext()

  init(
    _ combination: Combination, ringEntries: UInt32? = nil,
    prepare: (FaultyKernel) -> Void = { _ in }
  ) throws {
    kernel = FaultyKernel(ringEntries: ringEntries)
    prepare(kernel)
    context = try AioContext(
      name: "faulty", configuration: .init(monitor: .demanded(combination.monitor)),
      kernel: kernel)
    try #require(context.monitor == combination.monitor)
    if combination.driver == .glib { try context.attach(to: mainContext) }
    Tally.count(combination)
  }

  deinit { context.detach() }

  @discardableResult
  func iterate(blocking: Bool = false) -> Bool {
    context.isAttached
      ? mainContext.iteration(mayBlock: blocking) : context.poll(blocking: blocking)
  }

  func settle() {
    for _ in 0..<10 where iterate() {}
  }

  /// Iterates, asleep in between, until `condition` holds; false if it does not for long, or a sleep has to be ended from
  /// outside.
  func run(until condition: () -> Bool) -> Bool {
    let end = monotonicNow() + 20_000_000_000
    while !condition() && monotonicNow() < end {
      SleepWatch.shared.begin(context, mainContext)
      iterate(blocking: true)
      if SleepWatch.shared.end() { return false }
    }
    return condition()
  }
}
