// Rows bottomhalf.*.

import AioGSource

/// What a callback counts. Of a class, for what is captured has to be Sendable; each is one thread's.
final class Counter: @unchecked Sendable {
  var count = 0
}

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
