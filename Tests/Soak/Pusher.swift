// A thread that is nobody's home: it schedules bottom halves on all contexts, and starts and stops IOThreads of its own.

import AioGSource
import Glibc
import SeededRandom
import Synchronization

final class Pusher: @unchecked Sendable {
  private let workers: [Worker]
  private var random: SeededGenerator
  private let isOver = Atomic<Bool>(false)
  private let startsThreads: Bool
  private var thread = pthread_t()

  init(workers: [Worker], seed: UInt64, index: Int) {
    self.workers = workers
    random = SeededGenerator(seed: seed)
    startsThreads = index == 0
    let owner = Unmanaged.passUnretained(self).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Pusher>.fromOpaque(argument!).takeUnretainedValue().run()
        return nil
      }, owner)
    check(status == 0, "pthread_create: errno \(status)")
  }

  func stop() {
    isOver.store(true, ordering: .releasing)
    pthread_join(thread, nil)
  }

  private func run() {
    while !isOver.load(ordering: .acquiring) {
      let worker = workers.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...8, using: &random) { worker.push() }
      if startsThreads && Int.random(in: 0..<64, using: &random) == 0 { startAThread() }
      usleep(UInt32.random(in: 0...200, using: &random))
    }
  }

  private func startAThread() {
    do {
      let thread = try IOThread(
        name: "soak short",
        configuration: .init(monitor: usesRing ? .automatic : .demanded(.epoll), polling: .ioThread)
      )
      let ran = Tallied()
      for _ in 0..<10 { thread.context.schedule { ran.count.add(1, ordering: .relaxed) } }
      thread.stop()
      check(
        ran.count.load(ordering: .relaxed) == 10, "a stopped IOThread left bottom halves behind")
      Tally.shared.add(.ioThread)
    } catch {
      fail("an IOThread could not be started: \(error)")
    }
  }
}

final class Tallied: Sendable {
  let count = Atomic<Int>(0)
}
