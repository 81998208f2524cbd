// The node that a bottom half is on the inside: raw memory, so that scheduling costs no reference counting (14 ns
// against 35 ns measured with a retained class), and the flags that decide who frees it.
//
// A node is owned by two: the queue while `pending`, and the handle until `abandoned`. The queue lets go of the
// callback when it takes out a node that is `deleted`, if the home thread has not done so before, and marks it
// `reclaimed`; whichever of the two comes second frees the memory. Modelled by Models/bottom-half.pml. One-shots have no
// handle and are born scheduled: from the push on they are the queue's alone.

import Synchronization

struct BottomHalfNode: ~Copyable {
  enum Flag {
    /// In the queue.
    static let pending: UInt32 = 1
    /// To be run.
    static let scheduled: UInt32 = 2
    /// To be let go of instead of run.
    static let deleted: UInt32 = 4
    /// Without a handle: to be let go of before it runs.
    static let oneShot: UInt32 = 8
    /// Runs at the latest 10 ms from now, and is not progress.
    static let idle: UInt32 = 16
    /// The handle is gone.
    static let abandoned: UInt32 = 32
    /// The queue is done with it for good.
    static let reclaimed: UInt32 = 64
    /// The context is gone.
    static let orphaned: UInt32 = 128
  }

  let flags: Atomic<UInt32>
  /// The number of the slot that a one-shot is in.
  let slot: UInt32
  /// The next older node while on the stack of scheduled ones, the next younger one while in the queue being run.
  var next: UnsafeMutablePointer<BottomHalfNode>?
  var callback: Unmanaged<BottomHalfCallback>?
  /// In place of it, for a one-shot, whose node is freed before it is called.
  var oneShot: OneShot?
  let name: String

  init(name: String, callback: @escaping @Sendable () -> Void) {
    flags = Atomic(0)
    slot = 0
    self.name = name
    self.callback = .passRetained(BottomHalfCallback(callback))
  }

  init(name: consuming String, slot: UInt32, oneShot: consuming @escaping @Sendable () -> Void) {
    flags = Atomic(Flag.pending | Flag.scheduled | Flag.oneShot)
    self.slot = slot
    self.name = name
    self.oneShot = OneShot(body: oneShot)
  }

  @inline(__always)
  var isOneShot: Bool { flags.load(ordering: .relaxed) & Flag.oneShot != 0 }

  /// Not copyable, so that the call retains nothing.
  struct OneShot: ~Copyable {
    let body: @Sendable () -> Void

    @inline(__always)
    consuming func call() { body() }
  }

  deinit {
    callback?.release()
  }
}

/// The node of one that has a handle, and its links in the list of all of those, which the queue's lock guards.
struct RegisteredBottomHalf: ~Copyable {
  /// First, so that it has the same address.
  var node: BottomHalfNode
  var next: UnsafeMutablePointer<RegisteredBottomHalf>?
  var previous: UnsafeMutablePointer<RegisteredBottomHalf>?

  init(_ node: consuming BottomHalfNode) {
    self.node = node
  }
}
