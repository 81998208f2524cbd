// Foundation's main run loop under GLib, where the program links Foundation: GLib waits for its descriptor too, and has it
// make passes through what is due in its default mode. Main thread only.
//
// A pass also runs the Dispatch main queue if that has something, so the queue is told of passes. Foundation does not wake
// its run loop for what another thread performs on it, and ignores a wake-up while the run loop is not in a wait of its
// own: such work runs after the next wait of GLib's, whatever ends that.

import CGLib
import CSwiftRuntime

final class MainRunLoop: MainThreadService {
  /// The process has one, whatever GMainContext serves it.
  nonisolated(unsafe) static let shared = MainRunLoop()

  static var isLinked: Bool { aiogs_run_loop_is_linked() }

  var schedule = RunLoopSchedule()
  /// Whether GLib waits for the descriptor; else, for the deadlines that are known.
  private(set) var hasDescriptor = false

  private var mainContext: MainContext?
  private var priority: CInt = 0
  private var sources: [RunLoopSource.Role: UnsafeMutablePointer<GSource>] = [:]
  private var searches = 0
  /// When a timer was due that the last pass left alone, for its callback is running further up; 0 if there was none.
  private var stuckDate = 0.0

  private init() {}

  func attach(to mainContext: MainContext, priority: CInt) {
    self.mainContext = mainContext
    self.priority = priority
    schedule = RunLoopSchedule()
    searches = 0
    stuckDate = 0
    add(.observer, priority: .min)
    watch(RunLoopDescriptor.find())
    add(.turn, priority: priority < .max ? priority + 1 : priority)
  }

  func detach() {
    for role in sources.keys { remove(role) }
    mainContext = nil
  }

  func pass(isTurn: Bool) {
    schedule.passBegins(isTurn: isTurn)
    MainQueue.shared.runLoopPassBegan()
    if aiogs_run_loop_pass() { schedule.passHandledSource() }
    MainQueue.shared.runLoopPassEnded()
    // A callback may have removed the bridge.
    if mainContext != nil && !hasDescriptor { passWithoutDescriptor() }
  }

  private func watch(_ descriptor: CInt?) {
    remove(.wakeUps)
    hasDescriptor = descriptor != nil
    add(.wakeUps, priority: priority, descriptor: descriptor)
  }

  private func add(_ role: RunLoopSource.Role, priority: CInt, descriptor: CInt? = nil) {
    let source = RunLoopSource.make(role, priority: priority, descriptor: descriptor)
    g_source_attach(source, mainContext!.pointer)
    sources[role] = source
  }

  private func remove(_ role: RunLoopSource.Role) {
    guard let source = sources.removeValue(forKey: role) else { return }
    g_source_destroy(source)
    g_source_unref(source)
  }

  // MARK: Without the descriptor

  /// Has GLib wait no longer than until the next timer that is known; true if it is due.
  func prepareDeadline(_ timeout: UnsafeMutablePointer<gint>) -> Bool {
    if hasDescriptor { return false }
    let next = aiogs_run_loop_next_date(aiogs_run_loop_main())
    if next == 0 || next == stuckDate { return false }
    let left = next - aiogs_run_loop_now()
    timeout.pointee = left > 0 ? gint(min((left * 1000).rounded(.up), 1e9)) : 0
    return left <= 0
  }

  private func passWithoutDescriptor() {
    // The search may have failed for a timer that was due soon.
    if searches < 8 {
      searches += 1
      if let descriptor = RunLoopDescriptor.find() { return watch(descriptor) }
    }
    let next = aiogs_run_loop_next_date(aiogs_run_loop_main())
    stuckDate = next <= aiogs_run_loop_now() ? next : 0
  }
}
