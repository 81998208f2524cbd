// Rows mainactor.*, on our side: GLib's main loop runs, and serves the main actor by one of its mechanisms.

import AioGSource
import AioGSourceMainExecutor
import Measuring

@MainActor func mainActor() throws -> Double {
  let bridge = try install(Arguments[2])
  switch Arguments[1] {
  case "hop-from-context":
    // From a task of a context that the same main loop runs.
    let hop = mainActorBody("hop")!
    let executor = try context(of: bridge).taskExecutor
    return onTheMainLoop(preferring: executor) { await perOperation { await hop($0) } }
  case "resume":
    let context = try context(of: bridge)
    return onTheMainLoop { await resumptions(context) }
  case "resume-preferring":
    let context = try context(of: bridge)
    return onTheMainLoop(preferring: context.taskExecutor) { await resumptions(context) }
  case let name:
    // The main loop has the bridge and nothing else, as the peer's has its queue.
    guard let body = mainActorBody(name) else { fail("there is no row 'mainactor \(name)'") }
    return onTheMainLoop { await perOperation(body) }
  }
}

/// One that the main loop runs: the bridge's own, if it has one.
@MainActor private func context(of bridge: MainActorBridge) throws -> AioContext {
  if let own = bridge.context { return own }
  let context = try AioContext(name: "measured")
  try context.attach()
  return context
}

@MainActor private func install(_ mechanism: String) throws -> MainActorBridge {
  switch mechanism {
  case "dispatch": try MainActorBridge.install()
  case "executor": try MainActorBridge.installExecutor()
  case "executor-for-all": try MainActorBridge.installExecutor(defaultExecutor: .mainContext)
  default: fail("there is no mechanism '\(mechanism)'")
  }
}

@MainActor private func onTheMainLoop(
  preferring executor: (any TaskExecutor)? = nil, _ body: @escaping @Sendable () async -> Double
) -> Double {
  let loop = MainLoop()
  let result = Result()
  Task.detached(executorPreference: executor) {
    result.value = await body()
    loop.quit()
  }
  loop.run()
  return result.value
}

/// Written before the loop ends, read after it.
private final class Result: @unchecked Sendable {
  var value = 0.0
}

/// A task of the main actor, which a bottom half resumes: nanoseconds from being scheduled to going on.
@MainActor private func resumptions(_ context: AioContext) async -> Double {
  let waiting = Waiting()
  let bottomHalf = context.makeBottomHalf { waiting.task?.resume() }
  return await perOperation { count in
    for _ in 0..<count {
      await withUnsafeContinuation {
        waiting.task = $0
        bottomHalf.schedule()
      }
    }
  }
}

private final class Waiting: @unchecked Sendable {
  var task: UnsafeContinuation<Void, Never>?
}
