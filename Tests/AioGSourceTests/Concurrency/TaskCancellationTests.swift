// Tasks cancelled at any moment of what they await: every await ends, the memory is a request's until then, and no
// descriptor is lost. 10,000 of each operation; the address sanitizer sees what touches memory too late.

import CLiburing
import Glibc
import SeededRandom
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct TaskCancellationTests {
    /// What a task does over and over, and what has to be there for that.
    enum Operation: String, CaseIterable, Sendable {
      case read, write, synchronize, pipeRead, pipeWrite, accept, connect, receive, send
      case readable, writable, sleep, job, tick, notifierEvent, connectionSequence
    }

    static let count = 10_000
    static let width = 50

    @Test(arguments: EngineCombination.oncePerDriver, Operation.allCases)
    func everyAwaitEnds(_ combination: EngineCombination, _ operation: Operation) throws {
      let loop = try EngineLoop(combination)
      let (engine, context) = (loop.engine, loop.context)
      let world = try World(context, engine)
      // What the first of each leaves open for good is open from here on.
      try loop.task { try await world.warmUp() }
      let descriptors = openDescriptors()
      let ended = Counter()
      let cancelled = Counter()
      let seed = UInt64(combination.loop.driver == .poll ? 1 : 2)
      try loop.task(limit: .seconds(120)) {
        var generator = SeededGenerator(seed: seed)
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<Self.width {
            // Each has its own, and cancels one task after the other at a random moment.
            let moments = (0..<Self.count / Self.width).map { _ in
              UInt8.random(in: 0..<8, using: &generator)
            }
            group.addTask {
              for moment in moments {
                let task = Task(executorPreference: context.taskExecutor) {
                  do {
                    try await world.perform(operation)
                  } catch {
                    if error as? Errno == .canceled { cancelled.increment() }
                  }
                  ended.increment()
                }
                await world.wait(moment)
                task.cancel()
                await task.value
              }
            }
          }
        }
      }
      #expect(ended.value == Self.count)
      loop.loop.settle()
      #expect(context.sleepers.inFlight.isEmpty)
      #expect(context.drain(waitingFor: .zero).isEmpty)
      #expect(openDescriptors() <= descriptors)
      // Not all of them can have been too fast for it.
      switch operation {
      case .accept, .receive, .readable, .sleep, .pipeRead: #expect(cancelled.value > 0)
      default: break
      }
    }

    /// Handlers of the caller's own, around it and after it, are called once each, and nothing of ours stays behind.
    @Test(arguments: Combination.all)
    func keepsOutOfTheWayOfOtherHandlers(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let outer = Counter()
      let inner = Counter()
      let results = Box<[Bool]>([])
      try loop.task {
        for isEarly in [true, false] {
          let task = Task(executorPreference: context.taskExecutor) {
            while isEarly && !Task.isCancelled { await Task.yield() }
            await withTaskCancellationHandler {
              for _ in 0..<3 {
                let isCancelled: Bool
                do throws(Errno) {
                  try await context.sleep(for: .seconds(1_000))
                  isCancelled = false
                } catch {
                  isCancelled = error == .canceled
                }
                results.update { $0.append(isCancelled) }
              }
              await withTaskCancellationHandler {
                try? await context.sleep(for: .seconds(1_000))
              } onCancel: {
                inner.increment()
              }
            } onCancel: {
              outer.increment()
            }
          }
          try await context.sleep(for: .milliseconds(3))
          task.cancel()
          await task.value
        }
      }
      #expect(outer.value == 2)
      #expect(inner.value == 2)
      #expect(results.value == Array(repeating: true, count: 6))
    }

    /// Cancelled by other threads, while the loop runs.
    @Test(arguments: Combination.all)
    func cancelledFromElsewhere(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let file = try TestFile(count: 4096)
      let tasks = Box<[Task<Void, Never>]>([])
      let ended = Counter()
      let isOver = Flag()
      let threads = (0..<2).map { index in
        TestThread {
          var generator = SeededGenerator(seed: UInt64(index))
          while !isOver.isSet {
            var victim: Task<Void, Never>?
            tasks.update { if !$0.isEmpty { victim = $0.randomElement(using: &generator) } }
            victim?.cancel()
            usleep(20)
          }
        }
      }
      try loop.task {
        for round in 0..<100 {
          tasks.value = (0..<50).map { index in
            Task(executorPreference: context.taskExecutor) {
              do throws(Errno) {
                if (round + index) % 2 == 0 {
                  try await context.sleep(for: .microseconds(50 * index))
                } else {
                  let buffer = AIOBuffer(count: 4096)
                  let count = try await context.read(from: file.descriptor, at: 0, into: buffer)
                  if count != 4096 || Array(buffer.bytes) != file.contents { return }
                }
              } catch {
                if error != .canceled { return }
              }
              ended.increment()
            }
          }
          for task in tasks.value { await task.value }
        }
      }
      isOver.set()
      for thread in threads { thread.join() }
      #expect(ended.value == 5_000)
    }
  }
}

/// Files, sockets and the rest that the operations are about. On one context, by its own tasks.
private final class World: @unchecked Sendable {
  let context: AioContext
  let engine: AIOEngine
  let file: TestFile
  let listener: Listener
  let pipe = Pair.pipe()
  let full = Pair.pipe()
  let sockets = Pair.sockets()
  let notifier: EventNotifier

  init(_ context: AioContext, _ engine: AIOEngine) throws {
    self.context = context
    self.engine = engine
    file = try TestFile(count: 64 * 1024)
    listener = try Listener()
    notifier = try EventNotifier()
  }

  func warmUp() async throws {
    for operation in AllTests.TaskCancellationTests.Operation.allCases {
      let task = Task(executorPreference: context.taskExecutor) {
        try? await self.perform(operation)
      }
      await wait(7)
      task.cancel()
      await task.value
    }
    for _ in 0..<8 { _ = try? await engine.synchronize(file.descriptor) }
  }

  /// A moment, shorter or longer.
  func wait(_ moment: UInt8) async {
    switch moment {
    case 0: return
    case 1...5: for _ in 0..<moment { await Task.yield() }
    default: try? await context.sleep(for: .microseconds(20 * Int64(moment)))
    }
  }

  func perform(_ operation: AllTests.TaskCancellationTests.Operation) async throws {
    let buffer = AIOBuffer(count: 512)
    switch operation {
    case .read: _ = try await engine.read(from: file.descriptor, at: 512, into: buffer)
    case .write: try await engine.write(to: file.descriptor, at: 1024, from: buffer)
    case .synchronize: try await engine.synchronize(file.descriptor)
    case .pipeRead: _ = try await engine.read(from: pipe.reader, into: buffer)
    case .pipeWrite:
      // Full after a while: nobody reads.
      _ = try await engine.write(to: full.writer, from: buffer)
    case .accept:
      try await engine.accept(on: listener.descriptor).descriptor.close()
    case .connect:
      let socket = try Listener.socket()
      defer { try? socket.close() }
      try await engine.connect(socket, to: listener.address)
    case .receive: _ = try await engine.receive(on: sockets.reader, into: buffer)
    case .send: _ = try await engine.send(on: sockets.reader, from: buffer)
    case .readable: try await engine.readable(pipe.reader)
    case .writable: try await engine.writable(full.writer)
    case .sleep: try await context.sleep(for: .milliseconds(50))
    case .job: _ = try await context.threadPool.submit { 1 }
    case .tick:
      for await _ in context.ticks(every: .microseconds(100)) { break }
    case .notifierEvent:
      for try await _ in context.events(of: notifier) { break }
    case .connectionSequence:
      for try await connection in context.connections(on: listener.descriptor) {
        try connection.descriptor.close()
        break
      }
    }
  }
}
