// The soak: a program that keeps several contexts busy with all that the library does, mixed at random, and checks what
// it promises while it does. In rounds of a quarter of a second: each makes its contexts, churns, waits until all that it began has
// ended, and takes everything down; then descriptors, threads and memory have to be what they were.
//
//   Soak [--without-io_uring] MINUTES [SEED]
//
// Prints its seed, a line a minute, and a summary. Ends with 1 and a sentence at the first promise that is broken.

import AioGSource
import Glibc
import SeededRandom

var arguments = CommandLine.arguments
/// For tools that run the program and do not know io_uring.
let usesRing = !arguments.contains("--without-io_uring")
arguments.removeAll { $0 == "--without-io_uring" }
guard arguments.count >= 2, let minutes = Double(arguments[1]), minutes > 0 else {
  fail("usage: Soak [--without-io_uring] MINUTES [SEED]")
}
let seed = arguments.count > 2 ? UInt64(arguments[2]) : UInt64(AioClock.realtime.now)
guard let seed else { fail("a seed is a number: \(arguments[2])") }
say("seed: \(seed)")
runSoak(minutes: minutes, seed: seed)

func runSoak(minutes: Double, seed: UInt64) {
  var random = SeededGenerator(seed: seed)
  let start = AioClock.realtime.now
  let end = start + Int64(minutes * 60e9)
  var nextReport = start + 60_000_000_000
  var resources = ResourceWatch()
  var rounds = 0
  while AioClock.realtime.now < end {
    let round = Round(seed: random.next())
    round.run(until: min(end, AioClock.realtime.now + 250_000_000))
    rounds += 1
    resources.check(afterRound: rounds)
    if AioClock.realtime.now >= nextReport {
      nextReport += 60_000_000_000
      say("\((AioClock.realtime.now - start) / 60_000_000_000) min: \(rounds) rounds, \(resources)")
    }
  }
  say("rounds: \(rounds), seed \(seed)")
  for kind in OperationKind.allCases { say("\(kind): \(Tally.shared.count(kind))") }
  if minutes >= 1 {
    let missing = OperationKind.allCases.filter { Tally.shared.count($0) == 0 }
    if !missing.isEmpty { fail("never done: \(missing)") }
  }
  say(resources.summary)
  say("soak: \(Tally.shared.total) operations in \(rounds) rounds, no promise broken")
}
