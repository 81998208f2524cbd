// What belongs to DispatchQueue.main.

import AioGSource
import Dispatch
import Glibc
import SuiteSupport

let dispatchCases = [
  Case("main-queue-async", mainQueueAsync),
  Case("main-queue-order", mainQueueOrder),
  Case("main-queue-sync-from-a-thread", mainQueueSync),
  Case("main-queue-async-after", asyncAfter),
  Case("main-queue-timer", timerSource),
  Case("main-queue-block-that-comes-back", blockThatComesBack),
]

@MainActor private func mainQueueAsync() throws {
  let ran = Box(false)
  try runMainLoop { loop in
    DispatchQueue.global().async {
      DispatchQueue.main.async {
        MainActor.assumeIsolated { ran.value = isMainThread() }
        loop.quit()
      }
    }
  }
  try check(ran.value, "the block did not run on the main thread")
}

@MainActor private func mainQueueOrder() throws {
  var order: [Int] = []
  try runMainLoop { loop in
    for index in 0..<1000 {
      DispatchQueue.main.async {
        MainActor.assumeIsolated { order.append(index) }
        if index == 999 { loop.quit() }
      }
    }
  }
  try check(order == Array(0..<1000), "the blocks ran in another order, or not all: \(order.count)")
}

@MainActor private func mainQueueSync() throws {
  let threads = Pthreads()
  let answer = Box(0)
  try runMainLoop { loop in
    threads.start {
      answer.value = DispatchQueue.main.sync { isMainThread() ? 42 : -1 }
      loop.quit()
    }
  }
  threads.join()
  try check(answer.value == 42, "DispatchQueue.main.sync answered \(answer.value)")
}

@MainActor private func asyncAfter() throws {
  let start = now()
  try runMainLoop { loop in
    DispatchQueue.main.asyncAfter(deadline: .now() + .milliseconds(50)) { loop.quit() }
  }
  let took = now() - start
  try check(took >= 0.05 && took < 2, "50 ms took \(took) s")
}

@MainActor private func timerSource() throws {
  let ticks = Box(0)
  let timer = DispatchSource.makeTimerSource(queue: .main)
  try runMainLoop { loop in
    timer.schedule(deadline: .now() + .milliseconds(5), repeating: .milliseconds(5))
    timer.setEventHandler {
      ticks.value += isMainThread() ? 1 : -1000
      if ticks.value == 5 { loop.quit() }
    }
    timer.resume()
  }
  timer.cancel()
  try check(ticks.value >= 5, "the timer ticked \(ticks.value) times")
}

/// A block that is always there again does not go round GLib's loop each time, nor keep GLib from its other sources.
@MainActor private func blockThatComesBack() throws {
  var runs = 0
  var iterations = 0
  var isOver = false
  func again() {
    runs += 1
    if !isOver { DispatchQueue.main.async { MainActor.assumeIsolated { again() } } }
  }
  try runMainLoop { loop in
    again()
    let everyIteration = Timeout(after: 0, repeats: true) { iterations += 1 }
    _ = Timeout(after: 0.05) {
      isOver = true
      everyIteration.cancel()
      loop.quit()
    }
  }
  try check(runs > 4 * iterations, "\(runs) runs took \(iterations) iterations of GLib's")
}
