// The program that MainActorTests starts to see an asynchronous main run GLib's loop while it is suspended.

import AioGSource
import CGLib
import Glibc
import SuiteSupport

@main struct AsyncMainProgram {
  @MainActor static var ticks = 0

  @MainActor static func main() async throws {
    let bridge = try install(setup: CommandLine.arguments[1])
    let thread = pthread_self()
    let timeout = g_timeout_source_new(2)!
    g_source_set_callback(
      timeout,
      { _ in
        MainActor.assumeIsolated { AsyncMainProgram.ticks += 1 }
        return 1
      }, nil, nil)
    g_source_attach(timeout, nil)

    await Task.detached {}.value
    expect(pthread_equal(thread, pthread_self()) != 0, "main went on in another thread")
    // Once is enough, unless the machine is busy.
    for _ in 0..<100 where ticks < 5 {
      try await Task.sleep(for: .milliseconds(50))
      expect(pthread_equal(thread, pthread_self()) != 0, "main went on in another thread")
    }
    expect(ticks >= 5, "GLib's timeout ran \(ticks) times while main slept")
    await Task { @MainActor in }.value

    // GLib goes on while nothing serves the main actor, and may install what does.
    bridge.remove()
    g_idle_add(
      { _ in
        MainActor.assumeIsolated { _ = try? install() }
        return 0
      }, nil)
    try await Task.sleep(for: .milliseconds(10))
    expect(MainActorBridge.current != nil, "main went on without a bridge")
    expect(pthread_equal(thread, pthread_self()) != 0, "main went on in another thread")
    print("done")
  }

  private static func expect(_ condition: Bool, _ sentence: String) {
    if condition { return }
    print(sentence)
    exit(1)
  }
}
