// The default GMainContext with the main actor and an AioContext in it, the task that the program is, and the signals that
// end it. Main thread only.

import AioGSource
import Glibc

final class MainThread: @unchecked Sendable {
  let context: AioContext
  /// Those that would have ended the process; none is lost from here on.
  let signals: SignalSequence
  private let loop = MainLoop()
  private let bridge: MainActorBridge

  init() throws {
    context = try AioContext(name: "main")
    signals = try context.signals(SIGINT, SIGTERM)
    try context.attach()
    bridge = try MainActorBridge.install()
  }

  deinit {
    bridge.remove()
    context.detach()
  }

  /// Runs GLib's main loop, and `body` in it as a task of the main actor, until that has ended.
  func run<Value: Sendable>(
    _ body: @escaping @MainActor (MainThread) async throws -> Value
  ) throws -> Value {
    let outcome = Outcome<Value>()
    Task(executorPreference: context.taskExecutor) { [self] in
      await run(body, outcome)
    }
    loop.run()
    return try outcome.value!.get()
  }

  @MainActor private func run<Value: Sendable>(
    _ body: @MainActor (MainThread) async throws -> Value, _ outcome: Outcome<Value>
  ) async {
    do {
      outcome.value = .success(try await body(self))
    } catch {
      outcome.value = .failure(error)
    }
    loop.quit()
  }

  /// Written by the main actor, read when the loop has ended.
  private final class Outcome<Value: Sendable>: @unchecked Sendable {
    var value: Result<Value, any Error>?
  }
}
