// One round: the contexts of all that there are of monitors and engines, on IOThreads that poll, on IOThreads that run
// GLib's loop, and on the main thread, which attaches and detaches; and threads that push bottom halves into all of them.

import AioGSource
import CGLib
import Glibc
import SeededRandom

final class Round {
  private var random: SeededGenerator
  private var threads: [IOThread] = []
  private var workers: [Worker] = []
  private let mainContext = MainContext()

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
  }

  func run(until end: Int64) {
    makeWorkers()
    let pushers = (0..<2).map { index in
      Pusher(workers: workers, seed: random.next(), index: index)
    }
    for worker in workers { worker.begin(until: end) }
    runMainThread(until: end)
    for pusher in pushers { pusher.stop() }
    waitForQuiet()
    takeDown()
  }

  private func makeWorkers() {
    do {
      for index in 0..<3 {
        let polling: PollingParameters = Bool.random(using: &random) ? .ioThread : .disabled
        let thread = try withMonitor(polling) {
          try IOThread(name: "soak \(index)", configuration: $0)
        }
        if index == 1 { _ = try thread.mainContext() }
        threads.append(thread)
        workers.append(Worker(context: thread.context, seed: random.next()))
      }
      let main = try withMonitor(.disabled) {
        try AioContext(name: "soak main", configuration: $0)
      }
      workers.append(Worker(context: main, seed: random.next()))
    } catch {
      fail("a round could not be set up: \(error)")
    }
  }

  /// With any of the monitors; where that one cannot be had, with what the context chooses.
  private func withMonitor<Made>(
    _ polling: PollingParameters, _ make: (AioContext.Configuration) throws -> Made
  ) throws -> Made {
    let monitors = MonitorKind.allCases.filter { usesRing || $0 != .ioURing }
    let monitor = monitors.randomElement(using: &random)!
    do {
      return try make(.init(monitor: .demanded(monitor), polling: polling))
    } catch AioError.monitorUnavailable {
      return try make(.init(polling: polling))
    }
  }

  /// The main thread's context is attached and detached between turns, which are GLib's or its own.
  private func runMainThread(until end: Int64) {
    let context = workers.last!.context
    while AioClock.realtime.now < end { turn(context) }
  }

  private func turn(_ context: AioContext) {
    if Int.random(in: 0..<16, using: &random) == 0 {
      if context.isAttached {
        context.detach()
      } else {
        do { try context.attach(to: mainContext) } catch { fail("attach: \(error)") }
      }
      Tally.shared.add(.attachment)
    }
    if context.isAttached && Bool.random(using: &random) {
      _ = mainContext.iteration(mayBlock: false)
    } else {
      context.poll(blocking: false)
    }
    usleep(20)
  }

  private func waitForQuiet() {
    let context = workers.last!.context
    let limit = AioClock.realtime.now + 20_000_000_000
    while let busy = workers.first(where: { !$0.isQuiet }) {
      if AioClock.realtime.now > limit {
        fail("\(busy.context.debugDescription) has not ended: \(busy.underWay)")
      }
      turn(context)
    }
  }

  private func takeDown() {
    for worker in workers { worker.checkEnd() }
    if workers.last!.context.isAttached { workers.last!.context.detach() }
    for (index, thread) in threads.enumerated() where index % 2 == 0 { thread.stop() }
    workers = []
    threads = []
  }
}
