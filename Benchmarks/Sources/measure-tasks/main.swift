// Our side of the rows of tasks, coroutines and executors, and, with --default, the same on Swift's default executor. Prints
// one number, nanoseconds a step. A row has a process of its own: locks are cheaper as long as it has a single thread.
//
//     measure-tasks ROW [--default] [--quick]
//     measure-tasks read.64b FILE [--callback] [--quick]
//     measure-tasks mainactor hop|spawn|hop-from-context|resume|resume-preferring MECHANISM [--quick]
//
// MECHANISM is dispatch, the bridge; executor, our main executor; or executor-for-all, which runs code of no actor too.

import Measuring

do {
  let value: Double
  switch (Arguments.row, Arguments.has("--default")) {
  case ("coroutine.switch", false): value = try enterAndYield()
  case ("coroutine.schedule", false): value = try scheduleAndYield()
  case ("task.yield", false): value = try onAContext(yields)
  case ("task.yield", true): value = onTheDefaultExecutor(yields)
  case ("task.switch", false): value = try switchesOnAContext()
  case ("task.spawn", false): value = try spawnsOnAContext()
  case ("task.spawn", true): value = onTheDefaultExecutor(spawns)
  // From a loop's own task, as a program with a loop has it.
  case ("task.spawn.elsewhere", true): value = try onAContext(detachedSpawns)
  case ("read.64b", false): value = try reads(awaited: !Arguments.has("--callback"))
  case ("mainactor", false): value = try mainActor()
  default: fail("there is no row '\(Arguments.row)'")
  }
  print(value)
} catch {
  fail("\(error)")
}
