// The notify protocol: when a thread that changed something must wake the loop, and when it need not.
//
// Vocabulary. The payload is what a notification advertises: bottom halves, timers, handlers. A window is the time in
// which the home thread may be about to sleep on a payload it has already looked at; `notifyMe` is non-zero while one
// is open (bit 0: GSource, from prepare to check or dispatch; the rest: two per blocking poll). `notified` says that a
// payload was published since the loop last accepted.
//
// Guarantees. No notification is lost: either the notifier sees the window and asks for a write to the event notifier,
// or the loop sees the notification before it sleeps. There is at most one write per window: the first notifier sets
// `written`, the others rely on it. Opening a window clears `written`, and what a notifier that skipped its write had
// published is seen by the look that follows the opening. While `written` is set the event notifier is readable, or a
// write to it is under way; so nobody may drain it inside a window that stays open: poll closes GLib's first, and sends
// GLib round again.
//
// Nothing here touches a descriptor or a clock: `notify` returns what to do. The orderings are sequentially consistent
// on both words (on x86-64 that costs no fence beyond the exchange itself); each names the one it pairs with.
// Checked by Models/notify.pml, which knows these functions by name.

import Synchronization

struct NotifyProtocol: ~Copyable {
  enum Action: Equatable {
    case none
    /// Write to the event notifier: the loop may be asleep and nobody has written in this window.
    case write
  }

  private enum Bit {
    static let source: UInt32 = 1
    static let poll: UInt32 = 2
    static let written: UInt32 = 1 << 31
  }

  private let notifyMe = Atomic<UInt32>(0)
  private let notified = Atomic<Bool>(false)

  /// Any thread, signal handlers included. Stands for `aio_notify`, up to the write.
  @inline(__always)
  func notify() -> Action {
    // B1: releases the payload to accept's exchange. An exchange and not a store, so that the payloads of several
    // notifiers stand in one release sequence. Pairs with accept (B4), contract 4.4 and 4.5.
    _ = notified.exchange(true, ordering: .sequentiallyConsistent)
    // B2: after the exchange in the single order of these operations. Pairs with B3 in the two open functions: one of
    // the two sides sees the other.
    let window = notifyMe.load(ordering: .sequentiallyConsistent)
    if window & ~Bit.written == 0 || window & Bit.written != 0 {
      return .none
    }
    let before = notifyMe.bitwiseOr(Bit.written, ordering: .sequentiallyConsistent).oldValue
    return before & Bit.written == 0 ? .write : .none
  }

  /// Home thread, before looking at any payload. Stands for `aio_notify_accept`.
  @inline(__always)
  func accept() {
    // B4: either this comes after a notifier's exchange and acquires its payload, or before it, and then `notified`
    // stays set for the next look.
    if notified.load(ordering: .relaxed) {
      _ = notified.exchange(false, ordering: .sequentiallyConsistent)
    }
  }

  /// Home thread. Opens the window of one blocking poll; true if the wait must not block because a notification came
  /// since the last accept.
  @inline(__always)
  func openPollWindow() -> Bool {
    clearWritten()
    // B3, pairs with B2.
    notifyMe.add(Bit.poll, ordering: .sequentiallyConsistent)
    return notified.load(ordering: .sequentiallyConsistent)
  }

  /// Home thread, after the wait.
  @inline(__always)
  func closePollWindow() {
    // B5: not before the wait it ends.
    notifyMe.subtract(Bit.poll, ordering: .releasing)
  }

  /// Home thread, in prepare, before looking at any payload. GLib does not promise that check or dispatch follows, so
  /// this is a flag, set again without harm.
  @inline(__always)
  func openSourceWindow() {
    clearWritten()
    // B3, pairs with B2.
    notifyMe.bitwiseOr(Bit.source, ordering: .sequentiallyConsistent)
    // Acquires the payload of a notifier whose exchange came before: prepare looks at the payload itself.
    _ = notified.load(ordering: .sequentiallyConsistent)
  }

  /// Home thread, in check, and in prepare where the source is ready: GLib skips check then.
  @inline(__always)
  func closeSourceWindow() {
    if notifyMe.load(ordering: .relaxed) & Bit.source != 0 {
      // B5.
      notifyMe.bitwiseAnd(~Bit.source, ordering: .releasing)
    }
  }

  /// Whether the loop might be asleep, now or soon, on payload it has looked at.
  var isWindowOpen: Bool {
    notifyMe.load(ordering: .sequentiallyConsistent) & ~Bit.written != 0
  }

  /// Whether prepare was called and neither check nor dispatch followed yet.
  var isSourceWindowOpen: Bool {
    notifyMe.load(ordering: .relaxed) & Bit.source != 0
  }

  /// Whether a notification came since the last accept. Busy polling watches it in place of a descriptor.
  var isNotified: Bool {
    notified.load(ordering: .acquiring)
  }

  @inline(__always)
  private func clearWritten() {
    if notifyMe.load(ordering: .relaxed) & Bit.written != 0 {
      notifyMe.bitwiseAnd(~Bit.written, ordering: .sequentiallyConsistent)
    }
  }
}
