// What is performed on the main run loop, and what else Foundation has for the main thread.

import AioGSource
import Foundation
import SuiteSupport

let performCases = [
  Case("perform-from-main", performFromMain),
  Case("perform-from-callbacks", performFromCallbacks),
  Case("perform-from-another-thread", performFromAnotherThread),
  Case("perform-while-others-are-busy", performWhileBusy),
  Case("perform-in-a-pass", performInAPass),
  Case("perform-beside-the-turn", performBesideTheTurn),
  Case("main-operation-queue", mainOperationQueue),
  Case("jobs-and-timers", jobsAndTimers),
]

@MainActor private func performFromMain() throws {
  try runMainLoop { loop in
    RunLoop.main.perform { loop.quit() }
  }
}

/// From a callback of GLib's, of Dispatch's, of a context's, and from a job: each when the loop would sleep otherwise.
@MainActor private func performFromCallbacks() throws {
  let context = try AioContext(name: "suite")
  try context.attach()
  let done = Box<[String]>([])
  try runMainLoop { loop in
    let perform: @Sendable (String) -> Void = { what in
      RunLoop.main.perform {
        done.value.append(what)
        if done.value.count == 5 { loop.quit() }
      }
    }
    whenIdle { perform("idle") }
    _ = Timeout(after: 0.03) { perform("timeout") }
    context.schedule { perform("bottom half") }
    DispatchQueue.main.asyncAfter(deadline: .now() + .milliseconds(60)) { perform("block") }
    Task {
      try await Task.sleep(for: .milliseconds(90))
      perform("job")
    }
  }
  context.detach()
  try check(done.value.count == 5, "\(done.value)")
}

/// Foundation does not wake its run loop for it, so the thread wakes GLib's.
@MainActor private func performFromAnotherThread() throws {
  let threads = Pthreads()
  let isMain = Box(false)
  let start = now()
  try runMainLoop { loop in
    threads.start {
      usleep(50_000)
      RunLoop.main.perform {
        isMain.value = Thread.isMainThread
        loop.quit()
      }
      MainContext.default.wakeUp()
    }
  }
  threads.join()
  try check(isMain.value, "it was performed on another thread")
  try check(now() - start < 2, "it took \(now() - start) s")
}

/// Something of GLib's default priority is ready in every iteration.
@MainActor private func performWhileBusy() throws {
  let busy = BusySource()
  try runMainLoop { loop in
    Task { RunLoop.main.perform { loop.quit() } }
  }
  busy.destroy()
}

/// The pass that runs the first block drains the main queue itself, and is over before the last.
@MainActor private func performInAPass() throws {
  try runMainLoop { loop in
    RunLoop.main.perform {
      DispatchQueue.main.async {
        RunLoop.main.perform { RunLoop.main.perform { loop.quit() } }
      }
    }
  }
}

/// In the iteration in which the run loop's turn is due, something of GLib's is ready too, and performs.
@MainActor private func performBesideTheTurn() throws {
  try runMainLoop { loop in
    _ = Timeout(after: 0.01) {
      _ = Timeout(after: 0) { RunLoop.main.perform { loop.quit() } }
    }
  }
}

@MainActor private func mainOperationQueue() throws {
  let done = Box<[Int]>([])
  try runMainLoop { loop in
    for index in 0..<10 {
      OperationQueue.main.addOperation {
        done.value.append(Thread.isMainThread ? index : -1)
        if done.value.count == 10 { loop.quit() }
      }
    }
  }
  try check(done.value == Array(0..<10), "\(done.value)")
}

/// One iteration of GLib's, unless it is one already that runs the caller.
private func iterateNested() {
  MainActor.assumeIsolated {
    if isNested { return }
    isNested = true
    MainContext.default.iteration(mayBlock: false)
    isNested = false
  }
}

@MainActor private var isNested = false

/// The run loop drains the main queue too, and nested iterations come in between: no job is lost.
@MainActor private func jobsAndTimers() throws {
  let threads = Pthreads()
  let total = 20_000
  let jobs = Box(0)
  let ticks = Box(0)
  let timer = schedule(every: 0.0005) { _ in
    ticks.value += 1
    iterateNested()
  }
  try runMainLoop(limit: 60) { loop in
    for _ in 0..<2 {
      threads.start {
        for index in 0..<total / 2 {
          if index % 100 == 0 { usleep(200) }
          Task.detached { @MainActor in
            jobs.value += 1
            if jobs.value % 10 == 0 { iterateNested() }
            if jobs.value == total { loop.quit() }
          }
        }
      }
    }
  }
  threads.join()
  timer.invalidate()
  try check(jobs.value == total, "\(jobs.value) jobs ran")
  try check(ticks.value > 10, "the timer ticked \(ticks.value) times")
}
