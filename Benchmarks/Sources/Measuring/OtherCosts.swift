// Beside perOperation: the same for bodies that await, and CPU time instead of time.

import Glibc

/// Nanoseconds an operation, as perOperation has it, of a body that awaits.
public func perOperation(_ body: @Sendable (Int) async -> Void) async -> Double {
  var calibration = Calibration()
  while !calibration.isDone {
    let start = now()
    await body(calibration.count)
    calibration.took(now() - start)
  }
  let start = now()
  await body(calibration.count)
  return Double(now() - start) / Double(calibration.count)
}

/// As perOperation, or with --cpu on the command line nanoseconds of CPU time, of all threads.
public func costPerOperation(_ body: (Int) -> Void) -> Double {
  if !Arguments.has("--cpu") { return perOperation(body) }
  let start = now()
  body(1000)
  let count = max(Int(1000 * target / Double(now() - start)), 1000)
  let used = cpuTime()
  body(count)
  return Double(cpuTime() - used) / Double(count)
}

private func cpuTime() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
