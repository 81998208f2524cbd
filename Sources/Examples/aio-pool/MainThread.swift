// The default GMainContext with an AioContext in it, the task that the program is, and sources of GLib's own for the signals
// that end it. Main thread only.

import AioGSource
import CGLib

final class MainThread: @unchecked Sendable {
  let context: AioContext
  /// Is called when a signal came.
  var onSignal: () -> Void = {}
  /// The one that came first; 0 if none did.
  private(set) var signal: CInt = 0
  private let loop = MainLoop()
  private var sources: [UnsafeMutablePointer<GSource>] = []

  init() throws(AioError) {
    context = try AioContext(name: "main")
    try context.attach()
    for signal in [SIGINT, SIGTERM, SIGHUP] { watch(signal) }
  }

  deinit {
    for source in sources {
      g_source_destroy(source)
      g_source_unref(source)
    }
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
    onSignal = {}
    return try outcome!.get()
  }

  private final class Watch {
    unowned let mainThread: MainThread
    let signal: CInt
    init(_ mainThread: MainThread, _ signal: CInt) {
      self.mainThread = mainThread
      self.signal = signal
    }
  }

  private func watch(_ signal: CInt) {
    let source = g_unix_signal_source_new(signal)!
    g_source_set_callback(
      source,
      { data in
        let watch = Unmanaged<Watch>.fromOpaque(data!).takeUnretainedValue()
        watch.mainThread.came(watch.signal)
        return G_SOURCE_CONTINUE
      }, Unmanaged.passRetained(Watch(self, signal)).toOpaque(),
      { Unmanaged<AnyObject>.fromOpaque($0!).release() })
    g_source_attach(source, nil)
    sources.append(source)
  }

  private func came(_ signal: CInt) {
    if self.signal == 0 { self.signal = signal }
    onSignal()
  }
}
