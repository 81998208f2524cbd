// Callbacks of GLib and of an AioContext are on the main actor, and resume what waits there.

import AioGSource
import CGLib
import Glibc
import SuiteSupport
import SystemPackage

let callbackCases = [
  Case("callbacks-are-isolated", callbacksAreIsolated),
  Case("callbacks-elsewhere-are-not", callbacksElsewhere),
  Case("continuation-from-a-context", continuationFromAContext),
  Case("task-from-a-callback", taskFromACallback),
  Case("all-interleave", allInterleave),
]

@MainActor func attachedContext() throws -> AioContext {
  let context = try AioContext(name: "suite")
  try context.attach()
  return context
}

@MainActor private var isolatedCalls: [String] = []

@MainActor private func callbacksAreIsolated() throws {
  let context = try attachedContext()
  var ends: [CInt] = [-1, -1]
  try check(pipe(&ends) == 0, "pipe failed")
  let reader = FileDescriptor(rawValue: ends[0])
  let writer = ends[1]
  try runMainLoop { loop in
    let called: @Sendable (String) -> Void = { what in
      MainActor.assumeIsolated {
        isolatedCalls.append(what)
        if isolatedCalls.count == 4 { loop.quit() }
      }
    }
    try context.setHandler(
      for: reader,
      onReadable: {
        context.removeHandler(for: reader)
        called("handler")
      })
    write(writer, "x", 1)
    context.schedule { called("bottom half") }
    let timer = context.makeTimer { called("timer") }
    timer.arm(after: .milliseconds(1))
    // As a C program's callback: no closure of ours stands between.
    g_idle_add(
      { data in
        MainActor.assumeIsolated {
          isolatedCalls.append("idle")
          if isolatedCalls.count == 4 { g_main_loop_quit(OpaquePointer(data)) }
        }
        return 0
      }, UnsafeMutableRawPointer(loop.pointer))
    let keep = Timeout(after: 10) { timer.cancel() }
    _ = keep
  }
  context.detach()
  try check(
    isolatedCalls.sorted() == ["bottom half", "handler", "idle", "timer"], "\(isolatedCalls)")
}

/// Traps.
@MainActor private func callbacksElsewhere() throws {
  try runMainLoop { loop in
    Task { loop.quit() }
  }
  Pthread { MainActor.assumeIsolated { isolatedCalls.append("elsewhere") } }.join()
}

@MainActor private func continuationFromAContext() throws {
  let context = try attachedContext()
  let continuation = Box<CheckedContinuation<Int, Never>?>(nil)
  let timer = context.makeTimer {
    continuation.value?.resume(returning: 1)
    continuation.value = nil
  }
  var sum = 0
  try runMainLoop { loop in
    Task {
      for _ in 0..<100 {
        sum += await withCheckedContinuation {
          continuation.value = $0
          timer.arm(after: .microseconds(100))
        }
        if !isMainThread() { sum -= 1000 }
      }
      loop.quit()
    }
  }
  context.detach()
  try check(sum == 100, "\(sum) of 100 were resumed on the main thread")
}

@MainActor private func taskFromACallback() throws {
  let context = try attachedContext()
  try runMainLoop { loop in
    context.schedule {
      MainActor.assumeIsolated {
        _ = Task {
          await Task.detached {}.value
          loop.quit()
        }
      }
    }
  }
  context.detach()
}

@MainActor private var served: [String: Int] = [:]
@MainActor private var order: [String] = []

/// A GLib timeout, a timer of an AioContext, D-Bus calls and jobs from another thread, all in one loop: each goes on while
/// the others do.
@MainActor private func allInterleave() throws {
  let context = try attachedContext()
  let peers = try BusPeers()
  let kinds = ["timeout", "context", "bus", "job"]
  let isOver = Box(false)
  try runMainLoop { loop in
    let serve: @MainActor @Sendable (String) -> Void = { kind in
      if isOver.value { return }
      served[kind, default: 0] += 1
      order.append(kind)
      if kinds.allSatisfy({ served[$0, default: 0] >= 20 }) {
        isOver.value = true
        loop.quit()
      }
    }
    let timeout = Timeout(after: 0.001, repeats: true) { serve("timeout") }
    let timer = Box<AioTimer?>(nil)
    timer.value = context.makeTimer {
      MainActor.assumeIsolated {
        serve("context")
        if isOver.value { timer.value = nil } else { timer.value?.arm(after: .milliseconds(1)) }
      }
    }
    timer.value?.arm(after: .milliseconds(1))
    Task.detached {
      while await !MainActor.run(body: { isOver.value }) {
        try await Task.sleep(for: .milliseconds(1))
        Task { @MainActor in serve("job") }
      }
      await MainActor.run { timeout.cancel() }
    }
    Task {
      while !isOver.value {
        let answer = try await peers.echo("hello")
        serve(answer == "hello" ? "bus" : "wrong answer")
      }
    }
  }
  runMainLoop(for: 0.05)
  peers.close()
  context.detach()
  try check(served["wrong answer"] == nil, "a call was answered wrongly")
  for kind in kinds {
    let first = order.firstIndex(of: kind)!
    let last = order.lastIndex(of: kind)!
    for other in kinds {
      try check(
        order[first...last].contains(other),
        "\(other) was not served between the first and the last \(kind)")
    }
  }
}
