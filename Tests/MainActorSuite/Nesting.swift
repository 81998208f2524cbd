// Nested main loops, as modal dialogs run them.

import AioGSource
import CGLib
import Dispatch
import Glibc
import SuiteSupport

let nestingCases = [
  Case("nested-in-a-callback", nestedInACallback),
  Case("nested-in-a-job", nestedInAJob),
  Case("nested-in-a-job-in-a-nested-loop", nestedTwice),
  Case("nested-in-a-main-queue-block", nestedInABlock),
  Case("context-iteration-in-a-job", iterationInAJob),
]

/// What a modal dialog does that a button's callback opens.
@MainActor private func nestedInACallback() throws {
  let steps = Box<[String]>([])
  try runMainLoop { loop in
    whenIdle {
      let dialog = MainLoop()
      Task.detached {
        try await Task.sleep(for: .milliseconds(10))
        await MainActor.run { steps.value.append("job") }
        await MainActor.run { dialog.quit() }
      }
      steps.value.append("begin")
      dialog.run()
      steps.value.append("end")
      loop.quit()
    }
  }
  try check(steps.value == ["begin", "job", "end"], "\(steps.value)")
}

/// What a nested loop of a job lets run, and what it costs while a job waits.
@MainActor private func expectNested(_ steps: [String], ticks: Int, time: Double) throws {
  let expected =
    jobsNest
    ? ["begin", "queued before", "queued meanwhile", "end"]
    : ["begin", "end", "queued before", "queued meanwhile"]
  try check(steps == expected, "\(steps)")
  try check(ticks >= 5, "GLib's own timeout ran \(ticks) times in the nested loop")
  try checkThatItSlept(time, of: 0.2)
}

@MainActor private func nestedInAJob() throws {
  let steps = Box<[String]>([])
  var ticks = 0
  var time = 0.0
  try runMainLoop { loop in
    let finish: @MainActor @Sendable (String) -> Void = {
      steps.value.append($0)
      if steps.value.count == 4 { loop.quit() }
    }
    Task {
      finish("begin")
      let tick = Timeout(after: 0.005, repeats: true) { ticks += 1 }
      Task { finish("queued before") }
      let thread = Pthread {
        usleep(50_000)
        Task.detached { @MainActor in finish("queued meanwhile") }
      }
      let start = threadTime()
      runMainLoop(for: 0.2)
      time = threadTime() - start
      tick.cancel()
      thread.join()
      finish("end")
    }
  }
  try expectNested(steps.value, ticks: ticks, time: time)
}

/// A job that a nested loop runs, and that runs one itself.
@MainActor private func nestedTwice() throws {
  let steps = Box<[String]>([])
  var ticks = 0
  var time = 0.0
  try runMainLoop { loop in
    let finish: @MainActor @Sendable (String) -> Void = {
      steps.value.append($0)
      if steps.value.count == 4 { loop.quit() }
    }
    whenIdle {
      let dialog = MainLoop()
      Task {
        finish("begin")
        Task { finish("queued before") }
        let tick = Timeout(after: 0.005, repeats: true) { ticks += 1 }
        let start = threadTime()
        Task.detached {
          try await Task.sleep(for: .milliseconds(50))
          await MainActor.run { finish("queued meanwhile") }
        }
        whenIdle { runMainLoop(for: 0.2) }
        runMainLoop(for: 0.1)
        time = threadTime() - start
        tick.cancel()
        finish("end")
        dialog.quit()
      }
      dialog.run()
    }
  }
  try expectNested(steps.value, ticks: ticks, time: time)
}

/// The main queue itself never nests, whatever runs the main actor.
@MainActor private func nestedInABlock() throws {
  let steps = Box<[String]>([])
  var time = 0.0
  try runMainLoop { loop in
    DispatchQueue.main.async {
      MainActor.assumeIsolated {
        steps.value.append("begin")
        let thread = Pthread {
          usleep(20_000)
          DispatchQueue.main.async {
            MainActor.assumeIsolated { steps.value.append("second") }
            loop.quit()
          }
        }
        let start = threadTime()
        runMainLoop(for: 0.2)
        time = threadTime() - start
        thread.join()
        steps.value.append("end")
      }
    }
  }
  try check(steps.value == ["begin", "end", "second"], "\(steps.value)")
  try checkThatItSlept(time, of: 0.2)
}

/// Not a loop, but single iterations: each of them finds the queue being drained.
@MainActor private func iterationInAJob() throws {
  var ran = 0
  try runMainLoop { loop in
    for _ in 0..<100 {
      Task {
        for _ in 0..<3 { MainContext.default.iteration(mayBlock: false) }
        ran += 1
        if ran == 200 { loop.quit() }
        Task {
          ran += 1
          if ran == 200 { loop.quit() }
        }
      }
    }
  }
  try check(ran == 200, "\(ran) of 200 jobs ran")
}
