// A context under one combination, and the calls a test needs to drive it.

import AioGSource
import CGLib
import Glibc
import Testing

final class TestLoop: @unchecked Sendable {
  let combination: Combination
  let context: AioContext
  let mainContext: MainContext?

  init(_ combination: Combination, name: String = "test", polling: PollingParameters = .disabled)
    throws
  {
    self.combination = combination
    context = try AioContext(
      name: name, configuration: .init(monitor: .demanded(combination.monitor), polling: polling))
    try #require(context.monitor == combination.monitor)
    switch combination.driver {
    case .poll: mainContext = nil
    case .glib:
      mainContext = MainContext()
      try context.attach(to: mainContext)
    }
    Tally.count(combination)
  }

  deinit {
    context.detach()
  }

  /// One iteration. Under GLib, whether a source was dispatched; else, whether there was progress.
  @discardableResult
  func iterate(blocking: Bool = false) -> Bool {
    if let mainContext {
      let dispatched = mainContext.iteration(mayBlock: blocking)
      #expect(context.monitor == combination.monitor)
      return dispatched
    }
    return context.poll(blocking: blocking)
  }

  /// Iterates until there is nothing left to do.
  func settle() {
    for _ in 0..<10 where iterate() {}
  }

  /// Polls, blocking, until there is progress; how many polls that took. One, but where the kernel interrupts a wait
  /// for reasons of its own, as it does when it takes down a ring that this thread used before.
  func pollUntilProgress() -> Int {
    var polls = 1
    while !context.poll(blocking: true) && polls < 100 { polls += 1 }
    return polls
  }

  /// Iterates, sleeping in between, until `condition` holds; false if that takes longer than `limit`.
  @discardableResult
  func run(limit: Duration = .seconds(20), until condition: () -> Bool) -> Bool {
    let expired = Flag()
    let timer = context.makeTimer(name: "limit of the test") { expired.set() }
    timer.arm(after: limit)
    while !condition() && !expired.isSet { iterate(blocking: true) }
    timer.cancel()
    // The timer wakes the loop too: what took until then was lost.
    return condition() && !expired.isSet
  }
}
