// A main executor on an AioContext: what a program calls instead of `MainActorBridge.install`. Main thread only.
//
// It stands on what the toolchain does not promise to keep: the interfaces for custom executors are not public yet. So it is
// a product of its own, and knows the toolchains it was tried with; with any other it builds, and says that it is not to be
// had.

import AioGSource
import CGLib

extension MainActorBridge {
  /// What runs code that belongs to no actor, in tasks that prefer no executor.
  public enum DefaultExecutor: String, CaseIterable, Sendable {
    /// The platform's pool of threads, as ever.
    case platform
    /// The main thread too. A task then never leaves it for a pool's and comes back, which makes `await` many times faster;
    /// and whatever computes for long without an actor or an executor of its own holds up the whole program.
    case mainContext
  }

  /// Whether this toolchain has what it takes.
  public static var isExecutorAvailable: Bool { MainExecutor.isAvailable }

  /// Has a GMainContext serve the main actor by an executor of this library's, ``Mechanism/mainExecutor``: jobs go to the
  /// queue of an AioContext, ``context``, which is attached to the GMainContext. The same as
  /// ``install(on:priority:servesRunLoop:)`` otherwise: `DispatchQueue.main` and the run loop are served too.
  ///
  /// A nested loop that a job runs lets other jobs run meanwhile, those of `DispatchQueue.main` excepted.
  ///
  /// The first call must come before another thread uses concurrency, for the runtime takes the executors without any
  /// synchronization: first thing in `main`. They stay for the life of the process; after ``remove()``, this function and
  /// ``install(on:priority:servesRunLoop:)`` install the same again.
  ///
  /// - Parameters:
  ///   - mainContext: one that the main thread runs.
  ///   - priority: GLib's, at which all `@MainActor` code runs: smaller goes first.
  ///   - servesRunLoop: whether Foundation's main run loop is served, in a program that links Foundation.
  ///   - defaultExecutor: what runs code that belongs to no actor. The first call's holds.
  /// - Throws: ``AioError/mainActorBridgeInstalled`` if there is one, ``AioError/mainExecutorUnavailable(_:)`` with a
  ///   toolchain that it was not tried with, and what making a context throws.
  @discardableResult
  public static func installExecutor(
    on mainContext: MainContext = .default, priority: CInt = G_PRIORITY_DEFAULT,
    servesRunLoop: Bool = true, defaultExecutor: DefaultExecutor = .platform
  ) throws(AioError) -> MainActorBridge {
    try install(
      on: mainContext, priority: priority, servesRunLoop: servesRunLoop,
      executor: { () throws(AioError) in try MainExecutor.make(defaultExecutor) })
  }
}
