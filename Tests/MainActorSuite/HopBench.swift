// What a hop to the main actor costs, for `bench-hops`, which is no case: optimised and pinned to one CPU. Prints medians and
// 99th percentiles, in microseconds.

import AioGSource
import Glibc
import SuiteSupport

@MainActor func benchHops() throws {
  let context = try MainActorBridge.current!.context ?? attachedContext()
  let rounds = 20_000
  let hop = try measure(rounds) { loop, record in
    Task(executorPreference: context.taskExecutor) {
      for _ in 0..<rounds {
        let start = nanoseconds()
        await MainActor.run { touched += 1 }
        record.values.append(nanoseconds() - start)
      }
      loop.quit()
    }
  }
  print("hop to the main actor and back, from a task of the context:   \(hop)")

  let detached = try measure(rounds) { loop, record in
    Task.detached {
      for _ in 0..<rounds {
        let start = nanoseconds()
        await MainActor.run { touched += 1 }
        record.values.append(nanoseconds() - start)
      }
      loop.quit()
    }
  }
  print("hop to the main actor and back, from a detached task:         \(detached)")

  for (name, executor) in [("", nil), (", with the preference", context.taskExecutor)] {
    let resumed = try measure(rounds) { loop, record in
      Task(executorPreference: executor) {
        await awaitCallbacks(rounds, context, record)
        loop.quit()
      }
    }
    print("main actor continuation, resumed by a callback\(name): \(resumed)")
  }

  let spawn = try measure(rounds) { loop, record in
    Task {
      for _ in 0..<rounds {
        let start = nanoseconds()
        await Task { touched += 1 }.value
        record.values.append(nanoseconds() - start)
      }
      loop.quit()
    }
  }
  print("task of the main actor, spawned and awaited by another:        \(spawn)")
}

@MainActor private var touched = 0

/// From where a callback resumes the task to where that goes on.
@MainActor private func awaitCallbacks(
  _ rounds: Int, _ context: AioContext, _ record: Record
) async {
  let continuation = Box<UnsafeContinuation<Int64, Never>?>(nil)
  let bottomHalf = context.makeBottomHalf { continuation.value?.resume(returning: nanoseconds()) }
  for _ in 0..<rounds {
    let start = await withUnsafeContinuation {
      continuation.value = $0
      bottomHalf.schedule()
    }
    record.values.append(nanoseconds() - start)
  }
}

private final class Record: @unchecked Sendable {
  var values: [Int64] = []
}

private func nanoseconds() -> Int64 { AioClock.realtime.now }

@MainActor private func measure(
  _ rounds: Int, _ body: (MainLoop, Record) -> Void
) throws -> String {
  let record = Record()
  record.values.reserveCapacity(rounds)
  try runMainLoop(limit: 120) { body($0, record) }
  let sorted = record.values.sorted()
  let median = Double(sorted[sorted.count / 2]) / 1000
  let high = Double(sorted[sorted.count * 99 / 100]) / 1000
  return "\(median) (p99 \(high))"
}
