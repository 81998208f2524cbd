// The home thread: who may run a context, and which context is current on a thread.
//
// A context has no home until it is run; the thread that runs it first becomes its home. `poll(blocking:)` holds to
// that strictly: a second thread would swallow wake-ups meant for the first. Under GLib the home follows the thread that
// owns the GMainContext, which GLib hands over properly, as long as no pass is under way.

import CLiburing
import Glibc
import Synchronization

extension AioContext {
  /// The context whose loop runs on this thread: the innermost one that is being run, else the one this thread is home
  /// to; nil on any other thread.
  ///
  /// Stands for `qemu_get_current_aio_context`, which answers the main context on other threads.
  public static var current: AioContext? {
    guard let state = ThreadState.ifPresent else { return nil }
    if let running = state.running {
      return unsafeDowncast(running.takeUnretainedValue(), to: AioContext.self)
    }
    guard let bound = state.bound else { return nil }
    let context = unsafeDowncast(bound, to: AioContext.self)
    // Its home may be another thread by now.
    return context.isHomeThread ? context : nil
  }

  /// Whether the calling thread is this context's home. Any thread.
  public var isHomeThread: Bool {
    notifyState.isHome
  }

  /// Lets go of the home thread: the next thread that runs the context becomes its home.
  ///
  /// Home thread, outside of any callback; with nobody running it, any thread.
  public func releaseHomeThread() {
    precondition(
      activity == 0, "releaseHomeThread() was called in a callback of AioContext '\(name)'")
    if let state = homeState, state === ThreadState.ifPresent, state.bound === self {
      state.bound = nil
    }
    // Last: from here on another thread may become the home.
    notifyState.releaseHome(of: homeState.take())
  }

  /// Checks that the calling thread is the home thread, and makes it that if there is none.
  @inline(__always)
  func requireHome(_ function: StaticString = #function) {
    if !notifyState.isHome { claimHome(function) }
  }

  /// The same for a GSource callback, which the owner of the GMainContext may make from another thread than before.
  @inline(__always)
  func followHome() {
    if !notifyState.isHome {
      if activity == 0 { notifyState.releaseHome(of: homeState) }
      claimHome("g_main_context_iteration")
    }
  }

  @inline(never)
  private func claimHome(_ function: StaticString) {
    notifyState.requireOwnProcess(function)
    let state = ThreadState.current
    precondition(
      notifyState.claimHome(state),
      """
      \(function) of AioContext '\(name)' was called by another thread than its home thread; \
      let that thread call it, schedule a bottom half, or release the home thread first
      """)
    state.bound = self
    homeState = state
    // The kernel may end a sleep late by the thread's timer slack, 50 µs unless told otherwise.
    _ = aiogs_set_timer_slack(1)
  }

  /// Marks this context as the one being run; give what it returns to `leave`.
  @inline(__always)
  func enter() -> Unmanaged<AnyObject>? {
    let state = homeState.unsafelyUnwrapped
    let outer = state.running
    state.running = .passUnretained(self)
    activity += 1
    return outer
  }

  @inline(__always)
  func leave(_ outer: Unmanaged<AnyObject>?) {
    activity -= 1
    homeState.unsafelyUnwrapped.running = outer
  }
}
