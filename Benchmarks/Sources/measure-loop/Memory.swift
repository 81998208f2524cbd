// Rows memory.*: bytes that malloc has handed out for one of ten thousand, after an iteration. What a caller needs to keep
// of its own (a descriptor, an array of timers) is there before.

import AioGSource
import CMeasuring
import Measuring

private let count = 10_000

private func bytesForEach(_ body: () throws -> Void) rethrows -> Double {
  let before = measuring_allocated_bytes()
  try body()
  let after = measuring_allocated_bytes()
  check(after > before, "nothing was allocated")
  return Double(after - before) / Double(count)
}

func memoryPerHandler() throws -> Double {
  let context = try AioContext(name: "measured")
  let notifiers = try (0..<count).map { _ in try EventNotifier() }
  let ran = Counter()
  context.poll(blocking: false)
  let result = try bytesForEach {
    for notifier in notifiers {
      try context.setHandler(for: notifier.fileDescriptor, onReadable: { ran.count += 1 })
    }
    context.poll(blocking: false)
  }
  check(context.statistics.handlers >= count, "handlers were lost")
  for notifier in notifiers { context.removeHandler(for: notifier) }
  return result
}

func memoryPerTimer() throws -> Double {
  let context = try AioContext(name: "measured")
  let fired = Counter()
  var timers: [AioTimer] = []
  timers.reserveCapacity(count)
  context.poll(blocking: false)
  let result = bytesForEach {
    for index in 0..<count {
      let timer = context.makeTimer { fired.count += 1 }
      timer.arm(after: .seconds(1000 + index))
      timers.append(timer)
    }
    context.poll(blocking: false)
  }
  check(context.statistics.timers == count, "timers were lost")
  for timer in timers { timer.cancel() }
  return result
}
