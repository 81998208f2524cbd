// The code of the guides FileHandlers, TimersAndClocks and BusyPolling, between the marks, and that it does what they say.

import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct HandlerGuideTests {
    @Test(arguments: Combination.all)
    func aPipeIsReadToItsEnd(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let pipe = Pair.pipe()
      let reader = pipe.reader
      let buffer = AIOBuffer(count: 4096)
      let log = Log([])
      let print: @Sendable (String) -> Void = { line in log.update { $0.append(line) } }
      // snippet
      try context.setHandler(
        for: reader,
        onReadable: {
          do {
            let count = try buffer.withBytes { try reader.read(into: $0) }
            if count > 0 {
              print(String(decoding: buffer.bytes.prefix(count), as: UTF8.self))
            } else {
              context.removeHandler(for: reader)  // the end
              print("the end")
            }
          } catch Errno.wouldBlock, Errno.interrupted {
            // Nothing there just now: it is called again.
          } catch {
            context.removeHandler(for: reader)
            print("the pipe cannot be read: \(error)")
          }
        })
      // end of snippet
      pipe.write("hello")
      #expect(loop.run { log.value.count == 1 })
      pipe.closeWriter()
      #expect(loop.run { log.value.count == 2 })
      #expect(log.value == ["hello", "the end"])
      #expect(context.statistics.handlers == 0)
    }

    @Test(arguments: Combination.all)
    func aNotifierIsSetAndCleared(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log([])
      let print: @Sendable (String) -> Void = { line in log.update { $0.append(line) } }
      // snippet
      let notifier = try EventNotifier()
      try context.setHandler(
        for: notifier,
        onReadable: { notifier in
          notifier.testAndClear()  // or it is called again
          print("set")
        })
      try notifier.set()
      // end of snippet
      #expect(loop.run { !log.value.isEmpty })
      loop.settle()
      #expect(log.value == ["set"])
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func externalClientsWait(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let pipe = Pair.pipe()
      let served = Counter()
      try context.setHandler(
        for: pipe.reader, isExternal: true,
        onReadable: {
          pipe.drain()
          served.increment()
        })
      let quiet = Counter()
      let bottomHalf = context.makeBottomHalf { quiet.increment() }
      let isQuiet = {
        bottomHalf.schedule()
        return quiet.value > 2
      }
      pipe.write()
      func quietly() {
        // snippet
        context.disableExternalClients()
        defer { context.enableExternalClients() }
        while !isQuiet() { context.poll(blocking: true) }
        // end of snippet
        #expect(served.value == 0)
      }
      quietly()
      #expect(loop.run { served.value == 1 })
      context.removeHandler(for: pipe.reader)
      bottomHalf.delete()
    }

    @Test(arguments: Combination.all)
    func aTimerIsArmed(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log([])
      let print: @Sendable (String) -> Void = { line in log.update { $0.append(line) } }
      let start = AioClock.realtime.now
      // snippet
      let timer = context.makeTimer(name: "flush") { print("flushed") }
      timer.arm(after: .microseconds(300))
      // end of snippet
      #expect(loop.run { !log.value.isEmpty })
      #expect(AioClock.realtime.now - start >= 300_000)
      timer.cancel()
    }

    @Test(arguments: Combination.all)
    func aMetronomeDoesNotDrift(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let times = Box<[Int64]>([])
      let start = AioClock.realtime.now
      let metronome = Metronome(every: 1_000_000, on: loop.context) {
        times.update { $0.append(AioClock.realtime.now) }
      }
      #expect(loop.run { times.value.count >= 20 })
      withExtendedLifetime(metronome) {}
      for (index, time) in times.value.enumerated() {
        #expect(time >= start + Int64(index + 1) * 1_000_000)
      }
    }

    @Test(arguments: Combination.all.filter { $0.driver == .poll })
    func workIsFoundByPolling(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let notifier = try EventNotifier()
      let pieces = Counter()
      let worked = Counter()
      let hasWork: @Sendable () -> Bool = { worked.value < pieces.value }
      let work: @Sendable () -> Void = { worked.increment() }
      // snippet
      try context.setHandler(
        for: notifier,
        onReadable: { notifier in
          notifier.testAndClear()
          work()
        },
        poll: { _ in hasWork() },
        onPollReady: { _ in work() })
      try context.setPolling(PollingParameters(maximum: .microseconds(50)))
      // end of snippet
      pieces.increment()
      try notifier.set()
      #expect(loop.run { worked.value == 1 })
      #expect(!context.isPollingDisabled)
      try context.setPolling(.disabled)
      context.removeHandler(for: notifier)
    }
  }
}

// snippet
final class Metronome: @unchecked Sendable {
  private let interval: Int64  // nanoseconds
  private var due = AioClock.realtime.now  // the home thread's
  private var timer: AioTimer?

  init(every interval: Int64, on context: AioContext, _ tick: @escaping @Sendable () -> Void) {
    self.interval = interval
    timer = context.makeTimer(name: "metronome") { [unowned self] in
      tick()
      armNext()
    }
    armNext()
  }

  private func armNext() {
    due += interval
    timer?.arm(at: due)
  }
}
// end of snippet
