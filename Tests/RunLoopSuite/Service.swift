// Whether and how the run loop is served, and what that costs.

import AioGSource
import CGLib
import Foundation
import SuiteSupport

let serviceCases = [
  Case("it-is-served", isServed),
  Case("without-its-descriptor", withoutDescriptor),
  Case("a-timer-due-at-installation", timerDueAtInstallation),
  Case("not-served", notServed),
  Case("remove-and-install-again", removeAndInstallAgain),
  Case("a-loop-that-asks-for-pending-events-ends", pendingEnds),
  Case("idle-second", idleSecond),
  Case("idle-second-with-a-later-timer", idleSecondWithATimer),
  Case("descriptors-are-not-leaked", noLeak),
]

@MainActor private func expect(_ runLoop: MainActorBridge.RunLoopService) throws {
  let actual = MainActorBridge.current!.runLoop
  try check(actual == runLoop, "the run loop is \(actual.rawValue), not \(runLoop.rawValue)")
}

@MainActor private func isServed() throws { try expect(.served) }

@MainActor private func expectTimers() throws {
  let start = now()
  try runMainLoop { loop in
    schedule(after: 0.05) { _ in
      schedule(after: 0.05) { _ in loop.quit() }
    }
  }
  let took = now() - start
  try check(took >= 0.1 && took < 2, "twice 50 ms took \(took) s")
}

/// RLIMIT_NOFILE.
private let descriptorLimit = __rlimit_resource_t(7)

/// With no descriptors left, /proc cannot be read.
@MainActor private func withoutDescriptor() throws {
  MainActorBridge.current?.remove()
  var limit = rlimit()
  getrlimit(descriptorLimit, &limit)
  let before = limit
  let next = open("/dev/null", O_RDONLY)
  close(next)
  limit.rlim_cur = rlim_t(next)
  setrlimit(descriptorLimit, &limit)
  try install()
  try expect(.servedByDeadlines)
  for _ in 0..<10 { try runMainLoop { loop in RunLoop.main.perform { loop.quit() } } }
  var raised = before
  setrlimit(descriptorLimit, &raised)
  try expectTimers()
  // One whose own callback runs a loop when it is due again.
  let time = Box(0.0)
  try runMainLoop { loop in
    schedule(every: 0.01) { timer in
      MainActor.assumeIsolated {
        let start = threadTime()
        runMainLoop(for: 0.2)
        time.value = threadTime() - start
      }
      timer.invalidate()
      loop.quit()
    }
  }
  try checkThatItSlept(time.value, of: 0.2)
  try expect(.servedByDeadlines)
  schedule(after: 100) { _ in }
  runMainLoop(for: 0.05)
  try expectIdle(1)
}

/// The search for the descriptor cannot tell its timer from this one; it is made again.
@MainActor private func timerDueAtInstallation() throws {
  MainActorBridge.current?.remove()
  let fired = Box(false)
  schedule(after: 0.05) { _ in fired.value = true }
  try install()
  try expect(.servedByDeadlines)
  runMainLoop(for: 0.15)
  try check(fired.value, "the timer did not fire")
  try expect(.served)
  try expectTimers()
}

@MainActor private func notServed() throws {
  MainActorBridge.current?.remove()
  try install(servesRunLoop: false)
  try expect(.notServed)
  let fired = Box(false)
  schedule(after: 0.01) { _ in fired.value = true }
  RunLoop.main.perform { fired.value = true }
  runMainLoop(for: 0.1)
  try check(!fired.value, "it was served")
}

@MainActor private func removeAndInstallAgain() throws {
  for _ in 0..<3 {
    MainActorBridge.current?.remove()
    let fired = Box(0)
    schedule(after: 0.01) { _ in fired.value += 1 }
    RunLoop.main.perform { fired.value += 1 }
    runMainLoop(for: 0.05)
    try check(fired.value == 0, "it was served after the bridge was removed")
    try install()
    runMainLoop(for: 0.05)
    try check(fired.value == 2, "\(fired.value) of 2 ran after it was installed again")
  }
  // In one of its own callbacks.
  let fired = Box(0)
  RunLoop.main.perform { MainActorBridge.current?.remove() }
  runMainLoop(for: 0.05)
  RunLoop.main.perform { fired.value += 1 }
  runMainLoop(for: 0.05)
  try check(fired.value == 0, "it was served after a callback removed the bridge")
}

@MainActor private func pendingEnds() throws {
  runMainLoop(for: 0.02)
  for _ in 0..<10 {
    var rounds = 0
    while MainContext.default.isPending && rounds < 100 {
      MainContext.default.iteration(mayBlock: false)
      rounds += 1
    }
    try check(rounds < 10, "something was pending \(rounds) times")
    rounds = 0
    while MainContext.default.iteration(mayBlock: false) && rounds < 100 { rounds += 1 }
    try check(rounds < 10, "something was dispatched \(rounds) times")
  }
}

@MainActor private func idleSecond() throws {
  try expectTimers()
  runMainLoop(for: 0.05)
  try expectIdle(1)
}

@MainActor private func idleSecondWithATimer() throws {
  let timer = schedule(every: 100) { _ in }
  runMainLoop(for: 0.05)
  try expectIdle(1)
  timer.invalidate()
}

@MainActor private func noLeak() throws {
  func count() -> Int {
    try! FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
  }
  let before = count()
  for _ in 0..<10 {
    MainActorBridge.current?.remove()
    try install()
    runMainLoop(for: 0.002)
  }
  try check(count() == before, "there were \(before) descriptors, and are \(count())")
}
