// The code of the guide MainActorInGTK, between the marks. What of it needs a main thread runs in MainActorSuite and in the
// guide's program.

import AioGSource
import AioGSourceMainExecutor
import CGLib
import SystemPackage
import Testing

extension AllTests {
  @Suite struct MainActorGuideTests {
    @Test func theProgramAnswersAClick() throws {
      let outcome = try Program("MainActorGuide", []).outcome()
      #expect(outcome.status == 0, "\(outcome.complaint)")
      #expect(outcome.output == "click 1: 666\n")
    }

    @Test func callbacksOfGLibsAreSafeOnAnyThread() {
      let count = Counter()
      let data = Unmanaged.passUnretained(count).toOpaque()
      // As in code of the main actor's, where a plain closure would belong to the main actor.
      let thread = startThread(data)
      g_thread_join(thread)
      #expect(count.value == 1)
    }
  }
}

private func startThread(_ data: gpointer) -> UnsafeMutablePointer<GThread> {
  // snippet
  let thread = g_thread_new(
    "worker",
    { @Sendable data in  // runs elsewhere: not on the main actor, and says so
      Unmanaged<Counter>.fromOpaque(data!).takeUnretainedValue().increment()
      return nil
    }, data)
  // end of snippet
  return thread!
}

// snippet
let onClicked: @Sendable @convention(c) (gpointer?, gpointer?) -> Void = { button, data in
  let window = Unmanaged<Window>.fromOpaque(data!).takeUnretainedValue()
  MainActor.assumeIsolated { window.clicked() }
}
// end of snippet

@MainActor private func connect(_ button: UnsafeMutableRawPointer, _ window: Window) {
  // snippet
  g_signal_connect_data(
    button, "clicked", unsafeBitCast(onClicked, to: GCallback.self),
    Unmanaged.passUnretained(window).toOpaque(), nil, GConnectFlags(rawValue: 0))
  // end of snippet
}

// snippet
@MainActor final class Window {
  let context: AioContext  // attached to the GMainContext that the main thread runs
  var title = ""
  private var loading: Task<Void, any Error>?

  init(on context: AioContext) { self.context = context }

  func clicked() {
    loading?.cancel()
    loading = Task { try await load("/etc/hostname") }
  }

  func load(_ path: FilePath) async throws(Errno) {
    let engine = await context.engine()
    let file = try await engine.open(path, .readOnly)
    defer { try? file.close() }
    let buffer = AIOBuffer(count: 4096)
    let count = try await engine.read(from: file, at: 0, into: buffer)
    title = String(decoding: buffer.bytes.prefix(count), as: UTF8.self)
  }
}
// end of snippet

// snippet
@MainActor func text(of file: OpaquePointer) async throws(GLibError) -> String {
  let bytes = try await GIO.call(file) { file, cancellable, callback, data in
    g_file_load_bytes_async(file, cancellable, callback, data)
  } finish: { file, result, error in
    g_file_load_bytes_finish(file, result, nil, error)
  }
  defer { g_bytes_unref(bytes) }
  var count: gsize = 0
  let start = g_bytes_get_data(bytes, &count)
  return String(decoding: UnsafeRawBufferPointer(start: start, count: Int(count)), as: UTF8.self)
}
// end of snippet

@MainActor private func removing() throws {
  // snippet
  let bridge = try MainActorBridge.install()
  defer { bridge.remove() }
  // end of snippet
  MainLoop().run()
}

@MainActor private func installing() throws {
  // snippet
  try MainActorBridge.install()
  Task {
    try await Task.sleep(for: .seconds(1))
    print("on the main thread")
  }
  MainLoop().run()
  // end of snippet
}

@MainActor private func callingBack(_ context: AioContext, _ window: Window) {
  // snippet
  context.schedule {
    MainActor.assumeIsolated { window.title = "done" }
  }
  // end of snippet
}

@MainActor private func choosing() throws {
  // snippet
  if (try? MainActorBridge.installExecutor()) == nil { try MainActorBridge.install() }
  // end of snippet
}
