// Many tasks on many threads that hop, lock, sleep, read and are cancelled, for a while. The thread sanitizer looks on.

import Glibc
import SeededRandom
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct TaskStressTests {
    /// How long; the sanitizers' runs set it.
    static let seconds = Double(environment("AIO_TEST_STRESS_SECONDS") ?? "") ?? 2
    static let taskCount = 1_000

    @Test func fiveThreadsAndAThousandTasks() async throws {
      let threads = try (0..<5).map { index in
        let thread = try IOThread(name: "stress \(index)")
        if index % 2 == 0 { _ = try thread.mainContext() }
        return thread
      }
      let contexts = threads.map(\.context)
      let actors = contexts.map { Pinned($0) }
      let file = try TestFile(count: 4096)
      let deadline = monotonicNow() + Int64(Self.seconds * 1e9)
      let rounds = Counter()
      let wrong = Log()
      let ledger = Ledger()
      await withTaskGroup(of: Void.self) { group in
        for index in 0..<Self.taskCount {
          group.addTask(executorPreference: contexts[index % 5].taskExecutor) {
            var generator = SeededGenerator(seed: UInt64(index))
            while monotonicNow() < deadline {
              let choice = Int.random(in: 0..<12, using: &generator)
              let other = Int.random(in: 0..<5, using: &generator)
              await Self.step(
                choice, home: contexts[index % 5], other: contexts[other], actor: actors[other],
                file: file, ledger: ledger, wrong: wrong)
              rounds.increment()
            }
          }
        }
      }
      #expect(wrong.value.isEmpty)
      #expect(rounds.value > Self.taskCount)
      #expect(ledger.isBalanced)
      for thread in threads {
        let report = await thread.shutDown(waitingFor: .zero)
        #expect(report.isEmpty)
      }
    }

    /// What makes a batch full goes to a worker while it is being made. It has its continuation by then: the sanitizer
    /// knows.
    @Test(arguments: EngineCombination.all.filter { $0.engine == .threads })
    func whatFillsABatchIsAWorkersAtOnce(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let (engine, context) = (loop.engine, loop.context)
      engine.maximumBatch = 1
      let file = try TemporaryFile([UInt8](repeating: 1, count: 4096))
      let descriptor = file.descriptor
      let counts = Box<[Int]>([])
      try loop.task {
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<64 {
            group.addTask(executorPreference: context.taskExecutor) {
              let buffer = AIOBuffer(count: 512)
              let count = try? await engine.write(to: descriptor, at: 0, from: buffer)
              counts.update { $0.append(count ?? -1) }
            }
          }
        }
      }
      #expect(counts.value == Array(repeating: 512, count: 64))
      #expect(engine.statistics.handedToThreads >= 64)
    }

    private static func step(
      _ choice: Int, home: AioContext, other: AioContext, actor: Pinned, file: TestFile,
      ledger: Ledger, wrong: Log
    ) async {
      switch choice {
      case 0: try? await home.sleep(for: .microseconds(100))
      case 1:
        if await !actor.isHome { wrong.add("an actor away from home") }
      case 2:
        let isThere = await other.run { other.isHomeThread }
        if !isThere { wrong.add("a hop that went astray") }
      case 3:
        let buffer = AIOBuffer(count: 512)
        let count = try? await other.read(from: file.descriptor, at: 512, into: buffer)
        if count != 512 || !buffer.bytes.elementsEqual(file.contents[512..<1024]) {
          wrong.add("a read of something else")
        }
      case 4:
        let task = Task(executorPreference: other.taskExecutor) {
          try await other.sleep(for: .seconds(100))
        }
        await Task.yield()
        task.cancel()
        do {
          try await task.value
          wrong.add("a sleep of 100 s was over")
        } catch {
          if error as? Errno != .canceled { wrong.add("\(error)") }
        }
      case 5: await ledger.transfer(on: home)
      case 7:
        let task = Task(executorPreference: other.taskExecutor) {
          await ledger.transferUnlessCancelled()
        }
        await Task.yield()
        task.cancel()
        await task.value
      case 8: await ledger.change()
      case 9, 10:
        if await !ledger.look() { wrong.add("a change that was not whole") }
      case 6:
        async let first: Void? = try? home.sleep(for: .microseconds(10))
        async let second: Void? = try? other.sleep(for: .microseconds(10))
        _ = await (first, second)
      default:
        await Task.yield()
      }
      if !home.isHomeThread { wrong.add("a task away from its executor") }
    }
  }
}

/// Plain numbers that the two locks for tasks keep equal, each its own.
private final class Ledger: @unchecked Sendable {
  private let mutex = AsyncMutex(name: "ledger")
  private var left = 0
  private var right = 0

  private let readWriteLock = AsyncReadWriteLock(name: "ledger")
  private var first = 0
  private var second = 0

  /// Holds a lock while it waits for something else.
  func transfer(on context: AioContext) async {
    await mutex.withLock {
      left += 1
      try? await context.sleep(for: .microseconds(1))
      right += 1
    }
  }

  /// Waits for a lock, and is cancelled meanwhile, or not.
  func transferUnlessCancelled() async {
    do throws(Errno) {
      try await mutex.lockUnlessCancelled()
    } catch { return }
    left += 1
    right += 1
    mutex.unlock()
  }

  func change() async {
    await readWriteLock.withWriteLock {
      first += 1
      await Task.yield()
      second += 1
    }
  }

  /// Whether what it reads is whole.
  func look() async -> Bool {
    await readWriteLock.withReadLock {
      let before = first
      await Task.yield()
      return before == first && first == second
    }
  }

  var isBalanced: Bool { left == right && first == second && left > 0 && first > 0 }
}
