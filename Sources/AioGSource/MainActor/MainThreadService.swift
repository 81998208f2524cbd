// The seam between an installation and what serves the main thread: the Dispatch main queue, Foundation's run loop, a main
// executor of another target's. Main thread only.

/// Something of Swift's that wants to be run by the main thread, and that a GMainContext can run.
package protocol MainThreadService: AnyObject {
  /// Has the GMainContext run it from now on, and first of all what is waiting.
  func attach(to mainContext: MainContext, priority: CInt) throws(AioError)

  /// Ends that, from a callback of its own too. What comes meanwhile waits for the next `attach`.
  func detach()
}

/// A main executor: it runs `@MainActor` code instead of the Dispatch main queue.
package protocol MainExecutorService: MainThreadService {
  /// What it runs the jobs on.
  var context: AioContext { get }
}
