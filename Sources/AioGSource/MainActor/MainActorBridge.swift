// The main actor under GLib: what a program calls once, and what it gets. What does the work stands behind
// MainThreadService. Main thread only.

import CGLib
import CSwiftRuntime

/// The main actor, served by a `GMainContext`: under `g_main_loop_run`, `g_application_run` and `gtk_main`, `@MainActor`
/// code runs, and with it `Task {}` in such code, `Task.sleep`, `DispatchQueue.main`, Dispatch sources on it, and
/// `OperationQueue.main`.
///
/// ```swift
/// try MainActorBridge.install()
/// Task { @MainActor in
///   try await Task.sleep(for: .seconds(1))
///   print("a second later, on the main thread")
/// }
/// MainLoop().run()
/// ```
///
/// Without it such code waits for ever, for GLib does not know of it. Nothing is polled: an idle loop sleeps.
///
/// Install it before the first suspension of an asynchronous `main`, and that runs the GMainContext while it is suspended.
///
/// Where the program links Foundation, its main run loop is served too, in the default mode: timers, and what is performed on
/// it. What another thread performs on it is no wake-up, here as in Foundation's own loop: let that thread call
/// ``MainContext/wakeUp()`` afterwards.
///
/// Code that GLib calls on the main thread is on the main actor by itself: say so with `MainActor.assumeIsolated`.
///
/// Nested main loops run `@MainActor` code, as a modal dialog of a button's callback does. With ``Mechanism/dispatch`` there
/// is one exception: a nested loop that was started by a job of the main actor itself (or of `DispatchQueue.main`) serves
/// GLib alone, for the main queue is in the middle of that job; what came meanwhile runs when the job has returned or
/// suspended. Such a job must not wait for another one in a nested loop; it should `await` it. With
/// ``Mechanism/mainExecutor`` that holds for blocks of `DispatchQueue.main` alone.
public final class MainActorBridge: @unchecked Sendable {
  /// What runs `@MainActor` code.
  public enum Mechanism: String, CaseIterable, Sendable {
    /// The Dispatch main queue, which the GMainContext drains as Foundation's run loop would: with every toolchain.
    case dispatch
    /// An executor of this library's, on an AioContext that is attached to the GMainContext: the product
    /// AioGSourceMainExecutor has it.
    case mainExecutor
  }

  /// What becomes of Foundation's main run loop.
  public enum RunLoopService: String, CaseIterable, Sendable {
    /// Served: its timers, its sources, and what is performed on it.
    case served
    /// Served, without the descriptor that tells of its timers: one that another thread adds while the loop sleeps is
    /// seen when the sleep ends.
    case servedByDeadlines
    /// Not served, as it was asked for.
    case notServed
    /// The program does not link it.
    case notLinked
  }

  /// What runs `@MainActor` code.
  public let mechanism: Mechanism
  /// The GMainContext that serves it.
  public let mainContext: MainContext
  /// With ``Mechanism/mainExecutor``, the context whose queue the jobs go to; nil otherwise.
  public let context: AioContext?

  private let services: [any MainThreadService]

  private init(
    _ mainContext: MainContext, executor: (any MainExecutorService)?, servesRunLoop: Bool
  ) {
    self.mainContext = mainContext
    mechanism = executor == nil ? .dispatch : .mainExecutor
    context = executor?.context
    var services: [any MainThreadService] = [MainQueue.shared]
    if let executor { services.append(executor) }
    if servesRunLoop && MainRunLoop.isLinked { services.append(MainRunLoop.shared) }
    self.services = services
  }

  /// What becomes of Foundation's main run loop. Main thread.
  public var runLoop: RunLoopService {
    Self.requireMainThread("runLoop")
    if !MainRunLoop.isLinked { return .notLinked }
    if !services.contains(where: { $0 === MainRunLoop.shared }) { return .notServed }
    return MainRunLoop.shared.hasDescriptor ? .served : .servedByDeadlines
  }

  /// The one that is installed; nil if there is none.
  nonisolated(unsafe) private static var installed: MainActorBridge?

  /// The one that is installed; nil if there is none. Main thread.
  public static var current: MainActorBridge? {
    requireMainThread("current")
    return installed
  }

  /// Has a GMainContext serve the main actor, from now on until ``remove()``. Main thread; nothing else needs to be
  /// called, and the result may be ignored.
  ///
  /// - Parameters:
  ///   - mainContext: one that the main thread runs.
  ///   - priority: GLib's, at which all `@MainActor` code runs: smaller goes first.
  ///   - servesRunLoop: whether Foundation's main run loop is served, in a program that links Foundation.
  /// - Throws: ``AioError/mainActorBridgeInstalled`` if there is one.
  @discardableResult
  public static func install(
    on mainContext: MainContext = .default, priority: CInt = G_PRIORITY_DEFAULT,
    servesRunLoop: Bool = true
  ) throws(AioError) -> MainActorBridge {
    try install(on: mainContext, priority: priority, servesRunLoop: servesRunLoop, executor: nil)
  }

  /// What runs the main actor of this process; nil for the Dispatch main queue. It cannot be taken back.
  nonisolated(unsafe) private static var executor: (any MainExecutorService)?

  /// The same, with the main executor that `makeExecutor` makes the process's, unless the process has one.
  package static func install(
    on mainContext: MainContext, priority: CInt, servesRunLoop: Bool,
    executor makeExecutor: (() throws(AioError) -> any MainExecutorService)?
  ) throws(AioError) -> MainActorBridge {
    requireMainThread("install")
    if installed != nil { throw .mainActorBridgeInstalled }
    if executor == nil, let makeExecutor { executor = try makeExecutor() }
    let bridge = MainActorBridge(mainContext, executor: executor, servesRunLoop: servesRunLoop)
    try bridge.attach(priority)
    AsyncMain.install()
    installed = bridge
    return bridge
  }

  /// Ends it: the GMainContext does not serve the main actor any more. What is waiting then, and what comes later, waits
  /// until there is another installation. Main thread, from `@MainActor` code too: with ``Mechanism/mainExecutor`` the jobs
  /// that are queued by then still run. Calling it again does nothing.
  public func remove() {
    Self.requireMainThread("remove()")
    if Self.installed !== self { return }
    Self.installed = nil
    AsyncMain.remove()
    for service in services.reversed() { service.detach() }
  }

  private func attach(_ priority: CInt) throws(AioError) {
    for (index, service) in services.enumerated() {
      do {
        try service.attach(to: mainContext, priority: priority)
      } catch {
        for attached in services[..<index].reversed() { attached.detach() }
        throw error
      }
    }
  }

  private static func requireMainThread(_ function: StaticString) {
    precondition(
      aiogs_is_main_thread(),
      "\(function) of MainActorBridge was called by another thread than the main thread")
  }
}
