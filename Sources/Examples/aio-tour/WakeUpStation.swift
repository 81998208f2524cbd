// Another thread schedules a bottom half on the sleeping loop: how long until it runs.

import AioGSource
import Foundation

struct WakeUpStation {
  static let rounds = 100
  let loop: TourLoop

  func run() throws -> Distribution {
    let latencies = Shared<[Int64]>([])
    let sent = Shared<Int64>(0)
    // On a busy machine the loop may be late; two schedules would then run it once.
    let hasRun = DispatchSemaphore(value: 0)
    let bottomHalf = loop.context.makeBottomHalf(name: "wake-up") {
      latencies.value.append(AioClock.realtime.now - sent.value)
      hasRun.signal()
    }
    let thread = Thread {
      for _ in 0..<Self.rounds {
        usleep(1_000)
        sent.value = AioClock.realtime.now
        bottomHalf.schedule()
        hasRun.wait()
      }
    }
    thread.start()
    try loop.run { latencies.value.count == Self.rounds }
    return Distribution(latencies.value)
  }
}
