// An asynchronous main: once it suspends for the first time, the runtime has the main thread wait for what is to come, by
// a hook, and ours runs the GMainContext. Without it the main thread would end, and `@MainActor` code run on whatever thread
// there is. Main thread only.

import CSwiftRuntime

enum AsyncMain {
  nonisolated(unsafe) private static var previous: UnsafeMutableRawPointer?

  static func install() {
    previous = aiogs_async_main_hook()
    let hook: @convention(c) () -> Void = { AsyncMain.run() }
    aiogs_set_async_main_hook(unsafeBitCast(hook, to: UnsafeMutableRawPointer.self))
  }

  static func remove() {
    aiogs_set_async_main_hook(previous)
  }

  /// Never returns: the process ends when main does. Whoever removes the bridge may install another in a callback.
  private static func run() {
    var mainContext = MainActorBridge.current?.mainContext ?? .default
    while true {
      mainContext.iteration(mayBlock: true)
      mainContext = MainActorBridge.current?.mainContext ?? mainContext
    }
  }
}
