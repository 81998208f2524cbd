// Taking the time, and what every row needs. As Benchmarks/peers/measure.h does it for the peers.

import AioGSource
import Glibc

/// Nanoseconds by CLOCK_MONOTONIC.
func now() -> Int64 { AioClock.realtime.now }

let isQuick = CommandLine.arguments.contains("--quick")

/// How long what is measured should take, in nanoseconds.
let target: Double = isQuick ? 60e6 : 200e6

func complain(_ sentence: String) {
  let line = sentence + "\n"
  _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
}

/// Ends the program with a sentence.
func fail(_ sentence: String) -> Never {
  complain("measure-loop: \(sentence)")
  exit(1)
}

func check(_ condition: Bool, _ sentence: @autoclosure () -> String) {
  if !condition { fail(sentence()) }
}

/// Nanoseconds an operation: `body` runs so many. It is run for a fifth of the time to warm up, and to see how many of
/// them make up the time.
func perOperation(_ body: (Int) -> Void) -> Double {
  var count = 1
  while true {
    let start = now()
    body(count)
    let elapsed = Double(now() - start)
    if elapsed >= target / 5 {
      count = max(Int(Double(count) * target / elapsed), 1)
      break
    }
    count *= 2
  }
  let start = now()
  body(count)
  return Double(now() - start) / Double(count)
}
