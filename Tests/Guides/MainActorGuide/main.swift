// Swift's main actor under GLib's main loop. In a GTK app g_application_run stands in place of the last line.
import AioGSource
import CGLib

var clicks = 0  // in main.swift a variable is on the main actor by itself

@MainActor func clicked() {
  clicks += 1
  Task {
    try await Task.sleep(for: .milliseconds(10))  // the loop goes on meanwhile
    let answer = await compute()
    print("click \(clicks): \(answer)")
    loop.quit()
  }
}

@concurrent func compute() async -> Int {
  (1...36).reduce(0, +)  // on a thread of Swift's pool
}

try MainActorBridge.install()
let loop = MainLoop()
g_idle_add(
  { _ in  // what GLib calls on the main thread is on the main actor
    MainActor.assumeIsolated { clicked() }
    return G_SOURCE_REMOVE
  }, nil)
loop.run()
