// The code of the guide ActorsOnAContext, between the marks, and that it does what the guide says.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct ActorsGuideTests {
    @Test func theProgramWritesAJournal() throws {
      let folder = try Folder()
      let outcome = try Program("ActorsGuide", [folder["journal"]]).outcome()
      #expect(outcome.status == 0, "\(outcome.complaint)")
      #expect(outcome.output == "nothing was in flight\n")
      let lines = try String(decoding: folder.data(of: "journal"), as: UTF8.self)
        .split(separator: "\n").map(String.init)
      #expect(Set(lines) == Set((1...100).map { "line \($0)" }))
      #expect(lines.count == 100)
    }

    @Test(arguments: Combination.all)
    func aTaskOfTheContextAndItsActor(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let meter = Meter(on: context)
      let pipe = Pair.pipe()
      let threads = Box<[Bool]>([])
      try loop.task {
        // snippet
        let task = Task(executorPreference: context.taskExecutor) {
          try await meter.watch(pipe.reader)
          return await meter.sum
        }
        // end of snippet
        let sum = try await task.value
        #expect(sum == 0)
        threads.update { $0.append(context.isHomeThread) }
      }
      pipe.write("a")
      #expect(loop.run { meter.sumNow == 97 })
      context.schedule { meter.reset() }
      #expect(loop.run { meter.sumNow == 0 })
      context.removeHandler(for: pipe.reader)
      #expect(threads.value == [true])
    }

    @Test(arguments: Combination.all)
    func nobodyComesBetweenWhatAMutexHolds(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let account = Account(on: loop.context)
      try loop.task {
        try await withThrowingTaskGroup { group in
          for _ in 0..<20 { group.addTask { try await account.deposit(1) } }
          try await group.waitForAll()
        }
      }
      #expect(try loop.task { await account.balance } == 20)
    }

    /// One that looked before its await would miss some of them.
    @Test(arguments: Combination.all)
    func noMessageIsMissed(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let mailbox = Mailbox(on: context)
      let elsewhere = try IOThread(name: "elsewhere")
      let writer = elsewhere.context.taskExecutor
      let count = try loop.task {
        let writing = Task(executorPreference: writer) {
          for number in 0..<2_000 { await mailbox.put("\(number)") }
        }
        for number in 0..<2_000 where await mailbox.next() != "\(number)" { return number }
        await writing.value
        return 2_000
      }
      #expect(count == 2_000)
      elsewhere.stop()
    }

    @Test(arguments: Combination.monitors)
    func anActorOnEachThread(_ monitor: MonitorKind) async throws {
      let paths = ["a", "b", "c", "d", "e"]
      // snippet
      let threads = try (0..<2).map { try IOThread(name: "worker \($0)") }
      let workers = threads.map { Worker(on: $0.context) }
      let total = await withTaskGroup { group in
        for (index, path) in paths.enumerated() {
          let worker = workers[index % workers.count]
          group.addTask(executorPreference: worker.context.taskExecutor) {
            await worker.count(path)
          }
        }
        return await group.reduce(0, +)  // here again, on the caller's executor
      }
      for thread in threads { await thread.shutDown() }
      // end of snippet
      #expect(total == 5)
    }

    @Test func aCoroutineMovesFromThreadToThread() async throws {
      let first = try IOThread(name: "first")
      let second = try IOThread(name: "second")
      let (context, other) = (first.context, second.context)
      let log = Log()
      let ended = Flag()
      // snippet
      let traveller = Coroutine(name: "traveller") {
        log.add("on \(AioContext.current!.name)")
        await Coroutine.reschedule(on: other)
        log.add("on \(AioContext.current!.name)")
        await Coroutine.yield()  // until somebody wakes it
        log.add("woken")
        ended.set()
      }
      context.schedule(traveller)
      // end of snippet
      while log.value.count < 2 { await Task.yield() }
      // snippet
      traveller.wake()  // from any thread; it goes on where it was last
      // end of snippet
      while !ended.isSet { await Task.yield() }
      #expect(log.value == ["on first", "on second", "woken"])
      await first.shutDown()
      await second.shutDown()
    }

    @Test(arguments: Combination.all)
    func aLongComputationLeavesOthersTheirTurn(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let rows = Array(0..<100)
      let done = Counter()
      let compute: @Sendable (Int) -> Void = { _ in done.increment() }
      let between = Counter()
      context.schedule { between.increment() }
      try loop.task {
        // snippet
        for row in rows {
          compute(row)
          await Task.yield()  // what else the loop has to do gets its turn
        }
        // end of snippet
      }
      #expect(done.value == 100)
      #expect(between.value == 1)
    }
  }
}

// snippet
actor Meter {
  let context: AioContext
  private(set) var sum = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }

  init(on context: AioContext) { self.context = context }

  /// Adds up what a sensor says, a byte at a time.
  func watch(_ sensor: FileDescriptor) throws(AioError) {
    try context.setHandler(
      for: sensor,
      onReadable: { [self] in
        // A callback and no task, but on the home thread, and so on the actor.
        assumeIsolated { $0.add(from: sensor) }
      })
  }

  private func add(from sensor: FileDescriptor) {
    var byte: UInt8 = 0
    if read(sensor.rawValue, &byte, 1) == 1 { sum += Int(byte) }
  }
}
// end of snippet

extension Meter {
  nonisolated var sumNow: Int { assumeIsolated { $0.sum } }
  nonisolated func reset() { assumeIsolated { $0.clear() } }
  private func clear() { add(-sum) }
  private func add(_ value: Int) { sum += value }
}

// snippet
actor Account {
  let context: AioContext
  private let mutex = AsyncMutex(name: "account")
  private(set) var balance = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }

  init(on context: AioContext) { self.context = context }

  func deposit(_ amount: Int) async throws(Errno) {
    await mutex.lock()
    defer { mutex.unlock() }
    let before = balance
    try await context.sleep(for: .microseconds(100))  // others run here
    balance = before + amount  // and were kept out by the mutex
  }
}
// end of snippet

// snippet
actor Mailbox {
  let context: AioContext
  private var messages: [String] = []
  private var reader: CheckedContinuation<String, Never>?

  nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }

  init(on context: AioContext) { self.context = context }

  /// Waits for a message. One reader at a time.
  func next() async -> String {
    await withCheckedContinuation { continuation in
      if messages.isEmpty {  // in here, and not before the await
        reader = continuation
      } else {
        continuation.resume(returning: messages.removeFirst())
      }
    }
  }

  func put(_ message: String) {
    if let reader {
      self.reader = nil
      reader.resume(returning: message)
    } else {
      messages.append(message)
    }
  }
}
// end of snippet

private actor Worker {
  let context: AioContext
  nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }
  init(on context: AioContext) { self.context = context }
  func count(_ path: String) -> Int { context.isHomeThread ? path.utf8.count : 0 }
}
