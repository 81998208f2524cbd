// Nested loops: GLib's in a callback of the run loop's, the run loop's in a callback of GLib's.

import AioGSource
import Foundation
import SuiteSupport

let nestingCases = [
  Case("nested-in-a-timer", nestedInATimer),
  Case("nested-in-a-repeating-timer", nestedInARepeatingTimer),
  Case("nested-in-a-performed-block", nestedInABlock),
  Case("timers-in-a-loop-nested-in-a-job", timersInAJob),
  Case("run-loop-run-in-a-callback", runLoopInACallback),
]

/// A modal dialog that a timer opens: jobs run, other timers fire.
@MainActor private func nestedInATimer() throws {
  let steps = Box<[String]>([])
  let time = Box(0.0)
  try runMainLoop { loop in
    schedule(after: 0.01) { _ in
      MainActor.assumeIsolated {
        let start = threadTime()
        let dialog = MainLoop()
        schedule(after: 0.01) { _ in
          steps.value.append("timer")
          Task {
            await Task.detached {}.value
            steps.value.append("job")
            DispatchQueue.main.asyncAfter(deadline: .now() + .milliseconds(100)) {
              RunLoop.main.perform {
                steps.value.append("performed")
                dialog.quit()
              }
            }
          }
        }
        dialog.run()
        time.value = threadTime() - start
        steps.value.append("end")
        loop.quit()
      }
    }
  }
  try check(steps.value == ["timer", "job", "performed", "end"], "\(steps.value)")
  try checkThatItSlept(time.value, of: 0.1)
}

/// It is due again and again while its own callback runs.
@MainActor private func nestedInARepeatingTimer() throws {
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
}

@MainActor private func nestedInABlock() throws {
  let steps = Box<[String]>([])
  try runMainLoop { loop in
    RunLoop.main.perform {
      MainActor.assumeIsolated {
        let dialog = MainLoop()
        Task {
          steps.value.append("job")
          RunLoop.main.perform {
            steps.value.append("performed")
            dialog.quit()
          }
        }
        dialog.run()
        steps.value.append("end")
      }
      loop.quit()
    }
  }
  try check(steps.value == ["job", "performed", "end"], "\(steps.value)")
}

@MainActor private func timersInAJob() throws {
  let steps = Box<[String]>([])
  let ticks = Box(0)
  let time = Box(0.0)
  try runMainLoop { loop in
    Task {
      let timer = schedule(every: 0.01) { _ in
        ticks.value += 1
      }
      Task {
        steps.value.append("queued before")
        if steps.value.count == 3 { loop.quit() }
      }
      let thread = Pthread {
        usleep(50_000)
        Task.detached { @MainActor in
          steps.value.append("queued meanwhile")
          if steps.value.count == 3 { loop.quit() }
        }
      }
      let start = threadTime()
      runMainLoop(for: 0.2)
      time.value = threadTime() - start
      thread.join()
      timer.invalidate()
      steps.value.append("end")
      if steps.value.count == 3 { loop.quit() }
    }
  }
  let expected =
    jobsNest
    ? ["queued before", "queued meanwhile", "end"] : ["end", "queued before", "queued meanwhile"]
  try check(steps.value == expected, "\(steps.value)")
  try check(ticks.value >= 5, "the timer ticked \(ticks.value) times in the nested loop")
  try checkThatItSlept(time.value, of: 0.2)
}

/// Foundation's own loop, in which a job runs GLib's.
@MainActor private func runLoopInACallback() throws {
  let steps = Box<[String]>([])
  try runMainLoop { loop in
    whenIdle {
      DispatchQueue.main.async {
        MainActor.assumeIsolated {
          steps.value.append("begin")
          DispatchQueue.main.async { steps.value.append("block") }
          runMainLoop(for: 0.05)
          steps.value.append("end")
        }
      }
      RunLoop.main.run(until: Date(timeIntervalSinceNow: 0.2))
      steps.value.append("over")
      DispatchQueue.main.async { loop.quit() }
    }
  }
  try check(steps.value == ["begin", "end", "block", "over"], "\(steps.value)")
}
