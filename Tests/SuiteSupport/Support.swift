// What the cases of the suites share: checks, loops with a limit, threads, clocks.

import AioGSource
import CGLib
import CTestSupport
import Glibc

package struct Failure: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

package func check(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
  if !condition { throw Failure(sentence()) }
}

/// Runs GLib's main loop, from where `start` is called to where somebody quits it.
@MainActor package func runMainLoop(
  on mainContext: MainContext = .default, limit: Double = 20, _ start: (MainLoop) throws -> Void
) throws {
  let loop = MainLoop(mainContext)
  let expired = Box(false)
  let timeout = Timeout(after: limit, on: mainContext) {
    expired.value = true
    loop.quit()
  }
  try start(loop)
  loop.run()
  timeout.cancel()
  try check(!expired.value, "it took longer than \(limit) s")
}

/// Runs GLib's main loop for a while.
@MainActor package func runMainLoop(on mainContext: MainContext = .default, for seconds: Double) {
  let loop = MainLoop(mainContext)
  let timeout = Timeout(after: seconds, on: mainContext) { loop.quit() }
  loop.run()
  timeout.cancel()
}

/// A `g_timeout_source`, once or repeated.
@MainActor package final class Timeout {
  private let source: UnsafeMutablePointer<GSource>

  package init(
    after seconds: Double, repeats: Bool = false, on mainContext: MainContext = .default,
    _ body: @escaping @MainActor () -> Void
  ) {
    source = g_timeout_source_new(guint(seconds * 1000))!
    attach(source, to: mainContext, repeats: repeats, body)
  }

  package func cancel() {
    g_source_destroy(source)
    g_source_unref(source)
  }
}

/// Has GLib call a closure when it is idle.
@MainActor package func whenIdle(_ body: @escaping @MainActor () -> Void) {
  let source = g_idle_source_new()!
  attach(source, to: .default, repeats: false, body)
  g_source_unref(source)
}

private final class Body {
  let run: @MainActor () -> Void
  let repeats: Bool
  init(_ run: @escaping @MainActor () -> Void, repeats: Bool) {
    self.run = run
    self.repeats = repeats
  }
}

@MainActor private func attach(
  _ source: UnsafeMutablePointer<GSource>, to mainContext: MainContext, repeats: Bool,
  _ body: @escaping @MainActor () -> Void
) {
  let callback: @Sendable @convention(c) (gpointer?) -> gboolean = { data in
    nonisolated(unsafe) let body = Unmanaged<Body>.fromOpaque(data!).takeUnretainedValue()
    MainActor.assumeIsolated { body.run() }
    return body.repeats ? 1 : 0
  }
  g_source_set_callback(
    source, callback, Unmanaged.passRetained(Body(body, repeats: repeats)).toOpaque(),
    { Unmanaged<Body>.fromOpaque($0!).release() })
  g_source_attach(source, mainContext.pointer)
}

/// A value that closures share; one thread at a time uses it.
package final class Box<Value>: @unchecked Sendable {
  package var value: Value
  package init(_ value: Value) { self.value = value }
}

/// A thread that is joined by hand.
package final class Pthread: @unchecked Sendable {
  private var thread = pthread_t()

  package init(_ body: @escaping @Sendable () -> Void) {
    final class Body {
      let run: @Sendable () -> Void
      init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    let start: @Sendable @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
      Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run()
      return nil
    }
    let status = pthread_create(&thread, nil, start, Unmanaged.passRetained(Body(body)).toOpaque())
    precondition(status == 0)
  }

  package func join() { pthread_join(thread, nil) }
}

/// Threads that are joined together.
@MainActor package final class Pthreads {
  private var threads: [Pthread] = []
  package init() {}
  package func start(_ body: @escaping @Sendable () -> Void) { threads.append(Pthread(body)) }
  package func join() {
    for thread in threads { thread.join() }
    threads = []
  }
}

package func isMainThread() -> Bool { g_main_context_is_owner(g_main_context_default()) != 0 }

/// Seconds of the monotonic clock.
package func now() -> Double { seconds(CLOCK_MONOTONIC) }
/// Seconds of CPU time the calling thread has used.
package func threadTime() -> Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

private func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Counts how often GLib polls.
package enum Polls {
  nonisolated(unsafe) package private(set) static var count = 0

  package static func startCounting(on mainContext: MainContext = .default) {
    g_main_context_set_poll_func(mainContext.pointer) { descriptors, count, timeout in
      Polls.count += 1
      return g_poll(descriptors, count, timeout)
    }
  }
}

/// Has the loop sleep for so long, and nothing else.
@MainActor package func expectIdle(_ seconds: Double) throws {
  Polls.startCounting()
  var least = Double.infinity
  // A busy machine makes a thread pay for others now and then; a loop that spins costs a second every time.
  for _ in 0..<3 where least >= 0.001 {
    let polls = Polls.count
    let time = threadTime()
    runMainLoop(for: seconds)
    least = min(least, threadTime() - time)
    // One that sleeps, and what is due when the loop starts and ends.
    try check(
      Polls.count - polls <= 3, "GLib polled \(Polls.count - polls) times in \(seconds) s")
  }
  try check(
    least < (aiogs_test_is_sanitized() ? 0.02 : 0.001),
    "\(seconds) s cost \(least * 1000) ms of CPU time")
}

/// What a loop that sleeps most of the time may use of `seconds`.
package func checkThatItSlept(_ used: Double, of seconds: Double) throws {
  try check(
    used < seconds * (aiogs_test_is_sanitized() ? 0.75 : 0.25),
    "a nested loop used \(used) s of CPU time in \(seconds) s")
}
