// Our side of the event loop's rows: prints one number, nanoseconds an operation unless the row says otherwise.
//
//     measure-loop ROW [--quick] [--monitor io_uring|epoll|poll]
//
// Numbers within a row's name may be any: fd.dispatch.300.poll.

import AioGSource
import Measuring

let row = rowOfCommandLine()
let words = row.split(separator: ".").map(String.init)
/// The first number in the name, and the name without it.
let number = words.lazy.compactMap { Int($0.prefix(while: \.isNumber)) }.first ?? 0
let kind = words.map { word in
  word.first?.isNumber == true ? "N" + word.drop(while: \.isNumber) : word
}.joined(separator: ".")

do {
  let value: Double =
    switch kind {
    case "bottomhalf.same-thread.poll": try bottomHalf(.poll)
    case "bottomhalf.same-thread.glib": try bottomHalf(.glib)
    case "bottomhalf.cross-thread-latency": try roundTrip(pinned: false, polling: .disabled) / 2
    case "bottomhalf.cross-thread-throughput": try oneShotsFromAnotherThread()
    case "fd.dispatch.N.poll": try fileDispatch(.poll, of: number)
    case "fd.dispatch.N.glib": try fileDispatch(.glib, of: number)
    case "glib.iteration.N-idle-fds": try idleIteration(of: number)
    case "glib.contexts.N": try contexts(number)
    case "timer.churn.N": try timerChurn(of: number)
    case "timer.fire.N": try timerFire(of: number)
    case "timer.error.glib-driver": try timerError()
    case "poll.pingpong.blocking": try roundTrip(pinned: true, polling: .disabled)
    case "poll.pingpong.adaptive":
      try roundTrip(pinned: true, polling: PollingParameters(maximum: .microseconds(200)))
    case "memory.per-handler": try memoryPerHandler()
    case "memory.per-timer": try memoryPerTimer()
    default: fail("there is no row '\(row)'")
    }
  print(value)
} catch {
  fail("\(error)")
}
