// Rows task.*: what any task does, on a context or on Swift's default executor.

import AioGSource
import Measuring

@Sendable func yields(_ count: Int) async {
  for _ in 0..<count { await Task.yield() }
}

/// Tasks that start and are awaited, where the calling one runs.
@Sendable func spawns(_ count: Int) async {
  for _ in 0..<count { await Task {}.value }
}

@Sendable func detachedSpawns(_ count: Int) async {
  for _ in 0..<count { await Task.detached {}.value }
}

func spawnsOnAContext() throws -> Double {
  let context = try AioContext(name: "measured")
  return onAContext(context) { count in
    for _ in 0..<count { await Task(executorPreference: context.taskExecutor) {}.value }
  }
}

// MARK: Two tasks that resume each other, by turns: nanoseconds a resumption

private final class Relay: @unchecked Sendable {
  var waiting: UnsafeContinuation<Void, Never>?
  var isOver = false
  var passes = 0

  func pass(_ continuation: UnsafeContinuation<Void, Never>) {
    let other = waiting
    waiting = continuation
    passes += 1
    other?.resume()
  }

  /// One of the two; the one that counts.
  func run(_ count: Int, beside other: Task<Void, Never>) async {
    while passes < count { await withUnsafeContinuation { pass($0) } }
    isOver = true
    waiting?.resume()
    await other.value
  }

  func runUntilOver() async {
    while !isOver { await withUnsafeContinuation { pass($0) } }
  }
}

func switchesOnAContext() throws -> Double {
  let context = try AioContext(name: "measured")
  return onAContext(context) { count in
    let relay = Relay()
    let other = Task(executorPreference: context.taskExecutor) { await relay.runUntilOver() }
    await relay.run(count, beside: other)
  }
}
