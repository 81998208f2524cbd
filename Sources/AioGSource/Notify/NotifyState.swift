// What another thread needs in order to wake a loop: the protocol's two words, the event notifier, and the identity of
// the home thread. Bottom halves, timers and handlers hold it, so it outlives the context by as long as they do.
//
// What the home thread itself need not be told is checked by Models/home-payload.pml (notifyOfPayload,
// canSkipNotification).

import Glibc
import Synchronization

final class NotifyState: Sendable {
  let notifier: EventNotifier

  /// The thread that runs the loop, as the address of its ThreadState, which the context retains meanwhile (a
  /// `pthread_t` may be another thread's tomorrow); 0 while there is none.
  private let home = Atomic<UInt>(0)
  private let forkGeneration = ForkWatch.generation
  let hasHomeSections: Bool

  // Every notifier writes these, every pass of the home thread the one below, and hardly anybody those above.
  private let gapBefore = CacheLine()
  let state = NotifyProtocol()
  private let sent = Atomic<Int>(0)
  private let skipped = Atomic<Int>(0)
  private let gapAfter = CacheLine()

  /// Home thread only: set from before it looks at what there is to do until its wait is over, when a notification must
  /// not be left out. Atomic for the sake of signal handlers on that thread.
  private let looking = Atomic<Bool>(false)
  private let gapAtEnd = CacheLine()

  init(notifier: EventNotifier, hasHomeSections: Bool = Barrier.isOfferedOnEveryThread) {
    self.notifier = notifier
    self.hasHomeSections = hasHomeSections
  }

  /// Any thread, signal handlers included: wakes the loop if it sleeps or is about to. Stands for `aio_notify`.
  @inline(__always)
  func notify() {
    if state.notify() == .write {
      writeNotifier()
    } else {
      countSkipped()
    }
  }

  /// For what the loop looks at before each sleep, published with sequential consistency or in a home section: the home
  /// thread, awake, need not be told. That spares two atomic operations, here and in `accept`. Any thread, signal handlers included.
  @inline(__always)
  func notifyOfPayload() {
    if canSkipNotification { countSkipped() } else { notify() }
  }

  /// Load and store instead of an atomic add: this is on the path of every bottom half, and a count that misses one
  /// when two threads collide is good enough (documented so).
  @inline(__always)
  private func countSkipped() {
    skipped.store(skipped.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
  }

  @inline(never)
  private func writeNotifier() {
    requireOwnProcess("notify()")
    sent.add(1, ordering: .relaxed)
    notifier.signal()
  }

  /// Any thread: whether the caller is the home thread, awake, and sure to look at the payload before it sleeps.
  @inline(__always)
  var canSkipNotification: Bool {
    // B8: all of it after the payload. Under GLib another thread may be taking over: it becomes the home (B9 in
    // `claimHome`) and opens its window (B3) before it looks, so one of the two sees the other. What was done in a home
    // section it sees in any case (B11).
    let home = home.load(ordering: .sequentiallyConsistent)
    return home != 0 && home == ThreadState.address && !looking.load(ordering: .relaxed)
      && !state.isWindowOpen
  }

  /// Checks that this is the process the context was made in. Any thread.
  func requireOwnProcess(_ function: StaticString) {
    precondition(
      forkGeneration == ForkWatch.generation,
      """
      \(function) of an AioContext was called in a child process that was forked after the context was made; \
      a child makes contexts of its own, or calls execve(2)
      """)
  }

  @inline(__always)
  var isHome: Bool {
    let home = home.load(ordering: .relaxed)
    return home != 0 && home == ThreadState.address
  }

  /// Whether the thread with this state is the home thread. Any thread.
  @inline(__always)
  func isHome(_ address: UInt) -> Bool {
    home.load(ordering: .relaxed) == address
  }

  var hasHome: Bool { home.load(ordering: .relaxed) != 0 }

  /// Makes a thread the home if there is none; false if there is.
  func claimHome(_ state: ThreadState) -> Bool {
    // B9, pairs with B8.
    home.compareExchange(
      expected: 0, desired: state.address, ordering: .sequentiallyConsistent
    ).exchanged
  }

  /// Any thread, with nobody running the context.
  ///
  /// - Parameter state: that of the thread that was the home, nil if none was.
  func releaseHome(of state: ThreadState?) {
    home.store(0, ordering: .releasing)
    if let state, state.address != ThreadState.address { awaitEndOfHomeSection(state) }
  }

  @inline(__always)
  var isLooking: Bool {
    get { looking.load(ordering: .relaxed) }
    set { looking.store(newValue, ordering: .releasing) }
  }

  var wakeUpsSent: Int { sent.load(ordering: .relaxed) }
  var wakeUpsSkipped: Int { skipped.load(ordering: .relaxed) }
}
