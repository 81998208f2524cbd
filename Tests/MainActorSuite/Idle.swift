// What the bridge costs while nothing happens: nothing.

import AioGSource
import CGLib
import Dispatch
import Glibc

let idleCases = [
  Case("idle-second", idleSecond),
  Case("idle-second-with-a-waiting-job", idleSecondWithASleepingTask),
]

@MainActor private func expectIdle(_ seconds: Double) throws {
  Polls.startCounting()
  let polls = Polls.count
  let time = threadTime()
  runMainLoop(for: seconds)
  let used = threadTime() - time
  // One that sleeps, and the loop's start and end.
  try check(Polls.count - polls <= 2, "GLib polled \(Polls.count - polls) times in \(seconds) s")
  try check(used < 0.001, "\(seconds) s cost \(used * 1000) ms of CPU time")
}

@MainActor private func idleSecond() throws {
  // After there was something to do.
  try runMainLoop { loop in
    Task.detached {
      for _ in 0..<100 { await MainActor.run {} }
      await MainActor.run { DispatchQueue.main.async { loop.quit() } }
    }
  }
  runMainLoop(for: 0.05)
  try expectIdle(1)
}

@MainActor private func idleSecondWithASleepingTask() throws {
  let sleeper = Task { try await Task.sleep(for: .seconds(100)) }
  DispatchQueue.main.asyncAfter(deadline: .now() + 100) {}
  runMainLoop(for: 0.05)
  try expectIdle(1)
  sleeper.cancel()
}
