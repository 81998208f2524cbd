// Installing, removing, and what is not allowed.

import AioGSource
import AioGSourceMainExecutor
import CGLib
import Dispatch
import Glibc
import SuiteSupport

let lifecycleCases = [
  Case("remove-and-install-again", removeAndInstallAgain),
  Case("remove-in-a-job", removeInAJob),
  Case("another-main-context", anotherMainContext),
  Case("installed-twice", installedTwice),
  Case("run-by-another-thread", runByAnotherThread),
  Case("foundation-is-not-linked", foundationIsNotLinked),
  Case("an-executor-after-the-first-task", executorAfterTask),
  Case("where-nonisolated-code-runs", nonisolatedCode),
]

@MainActor private func removeAndInstallAgain() throws {
  var ran: [String] = []
  for round in 0..<3 {
    let bridge = MainActorBridge.current!
    bridge.remove()
    try check(MainActorBridge.current == nil, "it is installed after it was removed")
    bridge.remove()
    Task { ran.append("job") }
    DispatchQueue.main.async { MainActor.assumeIsolated { ran.append("block") } }
    runMainLoop(for: 0.05)
    try check(ran.isEmpty, "\(ran) ran in round \(round) after the bridge was removed")
    try install()
    try runMainLoop { loop in
      Task { loop.quit() }
    }
    runMainLoop(for: 0.02)
    try check(ran.sorted() == ["block", "job"], "after it was installed again there ran \(ran)")
    ran = []
  }
}

@MainActor private func removeInAJob() throws {
  var ran: [String] = []
  Task {
    MainActorBridge.current?.remove()
    ran.append("remover")
    Task { ran.append("later") }
  }
  runMainLoop(for: 0.1)
  // The pass of a main executor that is under way goes on.
  try check(ran == ["remover"] || jobsNest, "\(ran)")
  try install()
  runMainLoop(for: 0.1)
  try check(ran == ["remover", "later"], "after it was installed again there ran \(ran)")

  // The nested loop takes the wake-up of a job, and its bridge is gone before that has run.
  ran = []
  Task {
    ran.append("remover")
    DispatchQueue.main.async { MainActor.assumeIsolated { ran.append("block") } }
    if !jobsNest { runMainLoop(for: 0.05) }
    MainActorBridge.current?.remove()
    try install()
    if !jobsNest { runMainLoop(for: 0.05) }
    ran.append("end")
  }
  runMainLoop(for: 0.2)
  try check(ran == ["remover", "end", "block"], "\(ran)")
}

@MainActor private func anotherMainContext() throws {
  MainActorBridge.current?.remove()
  let mainContext = MainContext()
  let bridge = try install(on: mainContext)
  try check(bridge.mainContext.pointer == mainContext.pointer, "it is on another context")
  var ran = false
  Task { ran = true }
  runMainLoop(for: 0.05)
  try check(!ran, "the default context ran a job of the other one")
  runMainLoop(on: mainContext, for: 0.05)
  try check(ran, "the job did not run")
}

@MainActor private func installedTwice() throws {
  let bridge = MainActorBridge.current!
  do {
    try install()
    throw Failure("it could be installed twice")
  } catch let error as AioError {
    try check(error == .mainActorBridgeInstalled, "\(error)")
  }
  try check(MainActorBridge.current === bridge, "the first one is not installed any more")
  // Its services were not attached a second time, or taken away.
  try runMainLoop { loop in
    Task { loop.quit() }
  }
}

/// Traps.
@MainActor private func runByAnotherThread() throws {
  MainActorBridge.current?.remove()
  let mainContext = MainContext()
  try install(on: mainContext)
  runMainLoop(on: mainContext, for: 0.01)
  Task {}
  Pthread { mainContext.iteration(mayBlock: true) }.join()
}

@MainActor private func foundationIsNotLinked() throws {
  let runLoop = MainActorBridge.current!.runLoop
  try check(runLoop == .notLinked, "Foundation's run loop is \(runLoop.rawValue)")
}

/// Tasks of the main queue's go on when the executor takes over, and it stays.
@MainActor private func executorAfterTask() throws {
  let ended = Box(0)
  try runMainLoop { loop in
    for delay in [1, 50] {
      Task {
        try await Task.sleep(for: .milliseconds(delay))
        ended.value += 1
        loop.quit()
      }
    }
  }
  MainActorBridge.current?.remove()
  DispatchQueue.main.async { ended.value += 1 }
  let context = try MainActorBridge.installExecutor().context
  MainActorBridge.current?.remove()
  let bridge = try MainActorBridge.install()
  try check(bridge.mechanism == .mainExecutor, "the executor of the process is not used")
  try check(bridge.context === context && context != nil, "there are two executors")
  // Once is enough, unless the machine is busy.
  for _ in 0..<100 where ended.value < 3 { runMainLoop(for: 0.1) }
  try check(ended.value == 3, "\(ended.value) of 3 ended")
  // New ones run on its context, which nothing else uses.
  let before = bridge.context!.statistics.passes
  try runMainLoop { loop in
    Task {
      await Task.yield()
      loop.quit()
    }
  }
  try check(bridge.context!.statistics.passes > before, "the executor did not run the task")
}

@MainActor private func nonisolatedCode() throws {
  let wasMain = Box<[Bool]>([])
  try runMainLoop { loop in
    Task.detached {
      wasMain.value.append(isMainThread())
      try await Task.sleep(for: .milliseconds(1))
      wasMain.value.append(isMainThread())
      await Task.yield()
      await MainActor.run {}
      wasMain.value.append(isMainThread())
      loop.quit()
    }
  }
  let expected = Array(repeating: everythingIsOnMain, count: 3)
  try check(wasMain.value == expected, "on the main thread: \(wasMain.value)")
}
