// Dispatch's side of bottomhalf.cross-thread-throughput: closures that one thread gives to a serial queue, one after the
// other, while the queue runs them as they come. Prints nanoseconds a closure.
//
//     measure-dispatch ROW [--quick]

import Dispatch
import Measuring

let row = rowOfCommandLine()
check(row == "bottomhalf.cross-thread-throughput", "there is no row '\(row)'")
let queue = DispatchQueue(label: "measured")
let counter = Counter()
print(
  perOperation { count in
    counter.count = 0
    let isDone = DispatchSemaphore(value: 0)
    let sender = MeasuringThread {
      for _ in 0..<count {
        queue.async {
          counter.count += 1
          if counter.count == count { isDone.signal() }
        }
      }
    }
    isDone.wait()
    sender.join()
    check(counter.count == count, "\(counter.count) closures of \(count) ran")
  })
