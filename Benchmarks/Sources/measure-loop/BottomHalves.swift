// Rows bottomhalf.* and poll.pingpong.*.

import AioGSource
import Measuring

/// One bottom half, scheduled and run by an iteration of its own.
func bottomHalf(_ driver: Driver) throws -> Double {
  let loop = try Loop(driver)
  let ran = Counter()
  let bottomHalf = loop.context.makeBottomHalf { ran.count += 1 }
  defer { bottomHalf.delete() }
  return perOperation { count in
    ran.count = 0
    for _ in 0..<count {
      bottomHalf.schedule()
      loop.iterate(blocking: false)
    }
    check(ran.count == count, "\(ran.count) bottom halves of \(count) ran")
  }
}

/// Closures that another thread schedules one after the other, while this one runs them as they come.
func oneShotsFromAnotherThread() throws -> Double {
  let context = try AioContext(name: "measured")
  let ran = Counter()
  return perOperation { count in
    ran.count = 0
    let sender = MeasuringThread {
      for _ in 0..<count { context.schedule { ran.count += 1 } }
    }
    while ran.count < count { context.poll(blocking: true) }
    sender.join()
    check(ran.count == count, "\(ran.count) closures of \(count) ran")
  }
}

/// Two threads with a context each, whose bottom halves schedule each other: nanoseconds there and back.
func roundTrip(pinned: Bool, polling: PollingParameters) throws -> Double {
  let configuration = AioContext.Configuration(polling: polling)
  let here = try AioContext(name: "here", configuration: configuration)
  let there = try AioContext(name: "there", configuration: configuration)
  let left = Counter()
  let returned = Counter()
  let halves = Halves()

  halves.there = there.makeBottomHalf { halves.here?.schedule() }
  halves.here = here.makeBottomHalf {
    returned.count += 1
    left.count -= 1
    if left.count > 0 { halves.there?.schedule() }
  }
  let stop = there.makeBottomHalf { halves.isOver = true }
  let thread = MeasuringThread {
    if pinned { pin(to: 1) }
    while !halves.isOver { there.poll(blocking: true) }
    there.releaseHomeThread()
  }
  if pinned { pin(to: 0) }
  let result = perOperation { count in
    left.count = count
    returned.count = 0
    halves.there?.schedule()
    while left.count > 0 { here.poll(blocking: true) }
    check(returned.count == count, "\(returned.count) came back of \(count)")
  }
  stop.schedule()
  thread.join()
  halves.here?.delete()
  halves.there?.delete()
  stop.delete()
  here.poll(blocking: false)
  there.poll(blocking: false)
  return result
}

/// Set before the thread starts, but for the last, which is the thread's own.
private final class Halves: @unchecked Sendable {
  var here: BottomHalf?
  var there: BottomHalf?
  var isOver = false
}
