// What the bridge costs while nothing happens: nothing.

import AioGSource
import CGLib
import Dispatch
import Glibc
import SuiteSupport

let idleCases = [
  Case("idle-second", idleSecond),
  Case("idle-second-with-a-waiting-job", idleSecondWithASleepingTask),
]

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
