// What is registered for one descriptor. Raw memory at a stable address: monitors hand its address to the kernel, and
// the lists a handler can be on run through the node itself.
//
// Who touches what. `let` fields: anyone, once the node is published. Fields marked (lock): under the handler table's
// lock. All others: the home thread.

import CLiburing
import Synchronization
import SystemPackage

typealias Handler = UnsafeMutablePointer<HandlerNode>

/// Readiness as poll(2) has it; epoll's and io_uring's bits are the same.
enum Readiness {
  static let readable = UInt32(POLLIN)
  static let writable = UInt32(POLLOUT)
  static let error = UInt32(POLLERR)
  static let hangUp = UInt32(POLLHUP)
  static let invalid = UInt32(POLLNVAL)
}

struct HandlerCallbacks: Sendable {
  var onReadable: (@Sendable () -> Void)?
  var onWritable: (@Sendable () -> Void)?
  var poll: (@Sendable () -> Bool)?
  var onPollReady: (@Sendable () -> Void)?

  var isEmpty: Bool { onReadable == nil && onWritable == nil && poll == nil }
}

struct HandlerNode: ~Copyable {
  enum Role {
    case user
    /// The context's own event notifier.
    case notifier
    /// Of what completes requests: its readiness is not progress, what it brings is.
    case engine
    /// The timerfd that ends GLib's sleep.
    case deadline
  }

  // What the hot path reads, first.

  /// Seen ready, and not dispatched yet; with `isPollReady`, what the ready list carries.
  var readiness: UInt32 = 0
  /// What the kernel is asked for: `readable`, `writable`, both, or nothing for a handler that is only polled.
  let interest: UInt32
  /// Which readiness calls for which callback. Hang-up and error belong to the reader, error to the writer too; what
  /// nobody asked for goes to whoever is there, so that it cannot keep the loop awake unheard (contract 6.3, H13).
  let readerMask: UInt32
  let writerMask: UInt32
  let descriptor: CInt
  let role: Role
  let isExternal: Bool
  /// Set under the lock by whoever removes the handler, read anywhere. Acquires the node's contents where the kernel
  /// brought its address.
  let isDeleted = Atomic<Bool>(false)
  var isReady = false
  /// Its poll callback said so; a flag of its own, for zero readiness must not read as that.
  var isPollReady = false
  /// Emptied by the home thread once the handler is removed.
  var callbacks: HandlerCallbacks

  var nextReady: Handler?

  // The kernel's side.

  /// Taken out of the kernel's set until external clients are enabled again, or for good if the descriptor is invalid.
  /// Written by the home thread, under the lock.
  var isSuspended = false
  var isInvalid = false
  /// io_uring: a poll request is with the kernel, or its removal.
  var isInFlight = false
  var isRemovalSubmitted = false
  /// io_uring: to be armed before the next wait.
  var isToBeArmed = false
  var nextToBeArmed: Handler?
  /// io_uring (lock): added or removed since the ring last looked.
  var isChanged = false
  var nextChanged: Handler?
  /// poll (lock): the record GLib polls for it.
  var sourceRecord: SourcePollRecords.Record?

  // Busy polling.

  var pollBegan: (@Sendable () -> Void)?
  var pollEnded: (@Sendable () -> Void)?
  var isPolled = false
  var isPollingBegun = false
  var nextPolled: Handler?
  /// When it leaves the polled ones for want of hits; 0 until first seen.
  var idleDeadline: Int64 = 0
  var window = PollingWindow()

  // The table's list (lock).

  var next: Handler?
  var previous: Handler?
  /// Removed, and waiting to be freed.
  var nextRetired: Handler?

  init(descriptor: CInt, role: Role = .user, isExternal: Bool = false, callbacks: HandlerCallbacks)
  {
    self.descriptor = descriptor
    self.role = role
    self.isExternal = isExternal
    self.callbacks = callbacks
    let end = Readiness.hangUp | Readiness.invalid
    let hasReader = callbacks.onReadable != nil
    let hasWriter = callbacks.onWritable != nil
    interest = (hasReader ? Readiness.readable : 0) | (hasWriter ? Readiness.writable : 0)
    readerMask = hasReader ? Readiness.readable | Readiness.error | end : 0
    writerMask = hasWriter ? Readiness.writable | Readiness.error | (hasReader ? 0 : end) : 0
  }

  /// Whether anything still refers to the node by address, other than the table's list of retired ones.
  var isReferenced: Bool {
    isReady || isInFlight || isToBeArmed || isChanged
  }
}

extension Handler {
  static func make(_ node: consuming HandlerNode) -> Handler {
    let handler = Handler.allocate(capacity: 1)
    handler.initialize(to: node)
    return handler
  }

  func free() {
    deinitialize(count: 1)
    deallocate()
  }

  var isDeleted: Bool { pointee.isDeleted.load(ordering: .acquiring) }
}
