// Jobs of the main actor: from other threads, from itself, after a sleep.

import AioGSource
import CGLib
import Glibc
import SuiteSupport
import Synchronization

let jobCases = [
  Case("jobs-from-other-threads", jobsFromOtherThreads),
  Case("task-from-main", taskFromMain),
  Case("job-before-the-loop", jobBeforeTheLoop),
  Case("task-sleep", taskSleep),
  Case("hops", hops),
  Case("cancelled-sleep", cancelledSleep),
  Case("yielding-job", yieldingJob),
  Case("hops-leave-others-their-turn", busyHops),
]

@MainActor private var jobs = 0

@MainActor private func jobsFromOtherThreads() throws {
  let total = 100_000
  try runMainLoop(limit: 60) { loop in
    let threads = (0..<4).map { _ in
      Pthread {
        for _ in 0..<total / 4 {
          Task.detached { @MainActor in
            jobs += 1
            if jobs == total { loop.quit() }
          }
        }
      }
    }
    for thread in threads { thread.join() }
  }
  try check(jobs == total, "\(jobs) jobs ran")
}

@MainActor private func taskFromMain() throws {
  var steps: [String] = []
  try runMainLoop { loop in
    Task {
      steps.append("task")
      await Task { steps.append("child") }.value
      steps.append(isMainThread() ? "main thread" : "other thread")
      loop.quit()
    }
    steps.append("main")
  }
  try check(steps == ["main", "task", "child", "main thread"], "\(steps)")
}

/// What was enqueued before there was a loop, and before anybody waited for it.
@MainActor private func jobBeforeTheLoop() throws {
  try check(MainActorBridge.current != nil, "nothing is installed")
  MainActorBridge.current?.remove()
  let ran = Box(false)
  let loop = MainLoop()
  Task {
    ran.value = true
    loop.quit()
  }
  usleep(10_000)
  try install()
  let timeout = Timeout(after: 10) { loop.quit() }
  loop.run()
  timeout.cancel()
  try check(ran.value, "the job did not run")
}

@MainActor private func taskSleep() throws {
  var slept = 0.0
  try runMainLoop { loop in
    Task {
      let start = now()
      try await Task.sleep(for: .milliseconds(50))
      try await Task.sleep(nanoseconds: 50_000_000)
      try await ContinuousClock().sleep(until: .now + .milliseconds(50))
      slept = now() - start
      loop.quit()
    }
  }
  try check(slept >= 0.15 && slept < 2, "150 ms took \(slept) s")
}

@MainActor private func hops() throws {
  let onMain = Box(0)
  try runMainLoop { loop in
    Task.detached {
      for _ in 0..<1000 { await MainActor.run { onMain.value += isMainThread() ? 1 : 0 } }
      loop.quit()
    }
  }
  try check(onMain.value == 1000, "\(onMain.value) of 1000 hops were to the main thread")
}

@MainActor private func cancelledSleep() throws {
  var cancelled = false
  let start = now()
  try runMainLoop { loop in
    let sleeper = Task {
      do {
        try await Task.sleep(for: .seconds(1000))
      } catch {
        cancelled = true
      }
      loop.quit()
    }
    let timeout = Timeout(after: 0.02) { sleeper.cancel() }
    _ = timeout
  }
  try check(cancelled, "the sleep was not cancelled")
  try check(now() - start < 5, "the cancelled sleep took \(now() - start) s")
}

/// A job that is always there again must not keep GLib from its other sources.
@MainActor private func yieldingJob() throws {
  var yields = 0
  var isOver = false
  try runMainLoop { loop in
    Task {
      while !isOver {
        yields += 1
        await Task.yield()
      }
      loop.quit()
    }
    _ = Timeout(after: 0.05) { isOver = true }
  }
  try check(yields > 100, "there were only \(yields) yields")
}

/// The main actor always has another job soon: GLib's own sources have their turn all the same, every millisecond or so.
@MainActor private func busyHops() throws {
  let hops = Box(0)
  var ticks = 0
  try runMainLoop { loop in
    let hoppers = (0..<2).map { _ in
      Task.detached {
        while !Task.isCancelled { await MainActor.run { hops.value += 1 } }
      }
    }
    _ = Timeout(after: 0.002, repeats: true) {
      ticks += 1
      if ticks < 50 { return }
      for hopper in hoppers { hopper.cancel() }
      loop.quit()
    }
  }
  try check(hops.value > 100, "there were only \(hops.value) hops")
}
