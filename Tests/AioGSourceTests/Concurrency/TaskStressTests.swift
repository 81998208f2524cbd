// Many tasks on many threads that hop, lock, sleep, read and are cancelled, for a while. The thread sanitizer looks on.

import Glibc
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
              let choice = Int.random(in: 0..<8, using: &generator)
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

    private static func step(
      _ choice: Int, home: AioContext, other: AioContext, actor: Pinned, file: TestFile,
      ledger: Ledger, wrong: Log
    ) async {
      switch choice {
      case 0: try? await home.sleep(for: .microseconds(100))
      case 1:
        if await !actor.isHome { wrong.add("an actor away from home") }
      case 2:
        let isThere = await other.atHome(nil) { other.isHomeThread }
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
      case 5:
        await ledger.transfer()
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

/// Two plain numbers that a lock keeps equal.
private final class Ledger: @unchecked Sendable {
  private let lock = Lock()
  private var left = 0
  private var right = 0

  func transfer() async {
    lock.withLock {
      left += 1
      right += 1
    }
  }

  var isBalanced: Bool { lock.withLock { left == right } }
}

private func environment(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}
