// Foundation's timers on the main run loop.

import AioGSource
import Foundation
import SuiteSupport

let timerCases = [
  Case("timer", timer),
  Case("repeating-timer", repeatingTimer),
  Case("timer-of-another-thread", timerOfAnotherThread),
  Case("timer-in-the-common-modes", commonModes),
  Case("timer-moved-and-invalidated", movedTimer),
]

@discardableResult
func schedule(after seconds: Double, _ body: @escaping @Sendable (Timer) -> Void) -> Timer {
  Timer.scheduledTimer(withTimeInterval: seconds, repeats: false, block: body)
}

@discardableResult
func schedule(every seconds: Double, _ body: @escaping @Sendable (Timer) -> Void) -> Timer {
  Timer.scheduledTimer(withTimeInterval: seconds, repeats: true, block: body)
}

@MainActor private func timer() throws {
  var isIsolated = false
  let start = now()
  try runMainLoop { loop in
    schedule(after: 0.05) { _ in
      MainActor.assumeIsolated { isIsolated = Thread.isMainThread }
      loop.quit()
    }
  }
  let took = now() - start
  try check(isIsolated, "the timer fired on another thread")
  try check(took >= 0.05 && took < 2, "50 ms took \(took) s")
}

@MainActor private func repeatingTimer() throws {
  let ticks = Box(0)
  let start = now()
  try runMainLoop { loop in
    schedule(every: 0.01) { timer in
      ticks.value += 1
      if ticks.value == 20 {
        timer.invalidate()
        loop.quit()
      }
    }
  }
  let took = now() - start
  try check(took >= 0.19 && took < 2, "20 ticks of 10 ms took \(took) s")
}

private func later(_ seconds: Double, _ body: @escaping @Sendable () -> Void) -> Timer {
  Timer(fire: Date(timeIntervalSinceNow: seconds), interval: 0, repeats: false) { _ in body() }
}

/// It is added while the loop sleeps, and nothing else would wake that.
@MainActor private func timerOfAnotherThread() throws {
  let threads = Pthreads()
  let start = now()
  try runMainLoop { loop in
    threads.start {
      usleep(50_000)
      let timer = later(0.05) { loop.quit() }
      RunLoop.main.add(timer, forMode: .default)
    }
  }
  threads.join()
  let took = now() - start
  try check(took >= 0.1 && took < 2, "twice 50 ms took \(took) s")
}

@MainActor private func commonModes() throws {
  try runMainLoop { loop in
    RunLoop.main.add(
      later(0.01) { loop.quit() }, forMode: .common)
  }
}

@MainActor private func movedTimer() throws {
  let fired = Box<[String]>([])
  try runMainLoop { loop in
    let moved = schedule(after: 100) { _ in
      fired.value.append("moved")
      loop.quit()
    }
    let invalid = schedule(after: 0.02) { _ in
      fired.value.append("invalid")
    }
    DispatchQueue.main.async {
      invalid.invalidate()
      moved.fireDate = Date(timeIntervalSinceNow: 0.05)
    }
  }
  try check(fired.value == ["moved"], "\(fired.value)")
}
