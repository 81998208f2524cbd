// What goes from one thread to another by way of GLib.
//
// GLib orders the two by itself, with locks of its own that the thread sanitizer does not know of; it knows these
// atomics.

import Synchronization

/// The edge from the thread that gave GLib something to the one that GLib calls with it.
struct HandOver: ~Copyable, Sendable {
  private let isGiven = Atomic<Bool>(false)

  /// Before GLib gets it. Pairs with `receive`.
  func give() {
    isGiven.store(true, ordering: .releasing)
  }

  /// First thing in what GLib calls. Pairs with `give`.
  func receive() {
    _ = isGiven.load(ordering: .acquiring)
  }
}
