// The default GMainContext with an AioContext in it, and with sources of GLib's own for the signals that end a copy.

import AioGSource
import CGLib
import SystemPackage

final class CopyLoop: @unchecked Sendable {
  let engine: AIOEngine
  private let context: AioContext
  private let mainLoop = MainLoop()
  private var sources: [UnsafeMutablePointer<GSource>] = []
  private var onSignal: (CInt) -> Void = { _ in }

  init(engine choice: EngineChoice) throws(CopyError) {
    do {
      context = try AioContext(name: "copy")
      try context.attach()
      switch choice {
      case .auto: engine = context.io
      case .ioURing: engine = try context.engine(.ioURing)
      case .native: engine = try context.engine(.linuxAIO)
      case .threads: engine = try context.engine(.threads)
      }
    } catch {
      throw CopyError(description: "\(error)")
    }
    // Before there is anything to clean up.
    for signal in [SIGINT, SIGTERM, SIGHUP] { watch(signal) }
  }

  deinit {
    for source in sources {
      g_source_destroy(source)
      g_source_unref(source)
    }
    context.detach()
  }

  /// Runs the copy to its end, whichever that is.
  func run(_ copy: Copy) throws(CopyError) {
    let progress = Progress(of: copy, on: context)
    var outcome: Result<Void, CopyError>?
    copy.onEnd = { [mainLoop] result in
      outcome = result
      mainLoop.quit()
    }
    onSignal = { signal in
      copy.stop(
        CopyError(
          description: "interrupted; \(copy.destination.path) is as it was", status: 128 + signal))
    }
    context.schedule(name: "start") { copy.start() }
    mainLoop.run()
    onSignal = { _ in }
    copy.onEnd = { _ in }
    let result = outcome!
    progress.end(isWhole: (try? result.get()) != nil)
    try result.get()
  }

  private final class SignalWatch {
    unowned let loop: CopyLoop
    let signal: CInt
    init(_ loop: CopyLoop, _ signal: CInt) {
      self.loop = loop
      self.signal = signal
    }
  }

  private func watch(_ signal: CInt) {
    let source = g_unix_signal_source_new(signal)!
    g_source_set_callback(
      source,
      { data in
        let watch = Unmanaged<SignalWatch>.fromOpaque(data!).takeUnretainedValue()
        watch.loop.onSignal(watch.signal)
        return 1
      }, Unmanaged.passRetained(SignalWatch(self, signal)).toOpaque(),
      { Unmanaged<AnyObject>.fromOpaque($0!).release() })
    g_source_attach(source, nil)
    sources.append(source)
  }
}
