// The default GMainContext with an AioContext in it, the task that the program is, and the signals that end it. Main thread
// only.

import AioGSource
import Glibc

final class MainThread: @unchecked Sendable {
  let context: AioContext
  /// Those that would have ended the process; none is lost from here on.
  let signals: SignalSequence
  private let loop = MainLoop()

  init() throws(AioError) {
    context = try AioContext(name: "main")
    do {
      signals = try context.signals(SIGINT, SIGTERM, SIGHUP)
    } catch {
      throw .system(call: "sigaction", error)
    }
    try context.attach()
  }

  deinit {
    context.detach()
  }

  /// Runs GLib's main loop, and `body` in it as a task of the context's, until that has ended.
  func run<Value: Sendable>(
    _ body: @escaping @Sendable (MainThread) async throws(AioError) -> Value
  ) throws(AioError) -> Value {
    var outcome: Result<Value, AioError>?
    let finish: (Result<Value, AioError>) -> Void = { [loop] in
      outcome = $0
      loop.quit()
    }
    nonisolated(unsafe) let finishHere = finish
    Task(executorPreference: context.taskExecutor) { [self] in
      do throws(AioError) {
        finishHere(.success(try await body(self)))
      } catch {
        finishHere(.failure(error))
      }
    }
    loop.run()
    return try outcome!.get()
  }
}
