// Rows coroutine.*.

import AioGSource
import Measuring

/// Into a coroutine, on the spot, and back where it yields.
func enterAndYield() throws -> Double {
  let context = try AioContext(name: "measured")
  let entries = Counter()
  let coroutine = Coroutine(name: "switch") {
    while true {
      entries.count += 1
      await Coroutine.yield()
    }
  }
  return withCallbacks(on: context) { count, done in
    entries.count = 0
    for _ in 0..<count { context.enter(coroutine) }
    check(entries.count == count, "\(entries.count) entries of \(count) were made")
    done()
  }
}

/// A coroutine that schedules itself and yields: once through the context's queue.
func scheduleAndYield() throws -> Double {
  let context = try AioContext(name: "measured")
  return withCallbacks(on: context) { count, done in
    let coroutine = Coroutine(name: "hop") {
      let me = Coroutine.current!
      for _ in 0..<count {
        context.schedule(me)
        await Coroutine.yield()
      }
      done()
    }
    context.schedule(coroutine)
  }
}
