// The handlers of one context: which descriptor has which, and when the memory of a removed one may go.
//
// Any thread adds and removes, under the lock, and the monitor in force is told there and then. The home thread walks
// without the lock what only it touches (the ready list, the monitors' results), so a removed handler is flagged at
// once, which keeps its callbacks from starting, and freed by the home thread when no pass is under way. That is the
// seed's counted lock (LockCnt) with the counter in one thread's hands: only the home thread iterates, so only it has
// to know whether it does. Removal against completions of the ring is modelled by Models/handler-removal.pml (replace,
// reap).

import CLiburing
import Synchronization

final class HandlerTable: @unchecked Sendable {
  let lock = Lock()

  // (lock)
  var monitor: Monitor
  private(set) var first: Handler?
  private var byDescriptor: [Handler?] = []
  private var retired: Handler?

  /// Handlers of users; and those, engines' included, that lack a poll callback: while there are any of those, poll and
  /// epoll may not busy poll, for that does not look at descriptors. Written under the lock.
  private let registered = Atomic<Int>(0)
  private let withoutPoll = Atomic<Int>(0)
  /// Handlers, engines' included, that the kernel watches. Written under the lock.
  private let watched = Atomic<Int>(0)
  private let hasRetired = Atomic<Bool>(false)
  /// A handler that is only polled was added: the home thread has to have it polled.
  private let hasNewPolled = Atomic<Bool>(false)
  private let externalDisableCount = Atomic<Int>(0)

  init(monitor: Monitor) {
    self.monitor = monitor
  }

  // MARK: Any thread

  var count: Int { registered.load(ordering: .relaxed) }
  var countWithoutPoll: Int { withoutPoll.load(ordering: .relaxed) }
  var watchedCount: Int { watched.load(ordering: .relaxed) }

  /// Puts `new` in for its descriptor, or takes out what is there. Returns whether that changed anything, and what was
  /// there before, which only the home thread may still use.
  ///
  /// Contract 6.1: a replacement is a new node; nothing is carried over from the old one.
  @discardableResult
  func replace(descriptor: CInt, with new: Handler?) -> (changed: Bool, old: Handler?) {
    lock.withLock {
      let index = Int(descriptor)
      if index >= byDescriptor.count {
        if new == nil { return (false, nil) }
        let size = max(index + 1, byDescriptor.count * 2)
        byDescriptor.append(
          contentsOf: repeatElement(nil, count: size - byDescriptor.count))
      }
      let old = byDescriptor[index]
      if old == nil && new == nil { return (false, nil) }
      if let old {
        count(old, -1)
        unlink(old)
        old.pointee.isDeleted.store(true, ordering: .releasing)
      }
      if let new {
        count(new, 1)
        link(new)
        if new.pointee.interest == 0 { hasNewPolled.store(true, ordering: .releasing) }
        // Publishes the node to the thread that gets its address from the kernel.
        new.pointee.isDeleted.store(false, ordering: .releasing)
      }
      byDescriptor[index] = new
      monitor.update(old, new)
      if let old {
        old.pointee.nextRetired = retired
        retired = old
        hasRetired.store(true, ordering: .releasing)
      }
      return (true, old)
    }
  }

  func handler(for descriptor: CInt) -> Handler? {
    lock.withLock {
      descriptor >= 0 && Int(descriptor) < byDescriptor.count
        ? byDescriptor[Int(descriptor)] : nil
    }
  }

  private func count(_ handler: Handler, _ change: Int) {
    switch handler.pointee.role {
    case .user: registered.add(change, ordering: .relaxed)
    case .engine: break
    case .notifier, .deadline: return
    }
    if handler.pointee.callbacks.poll == nil { withoutPoll.add(change, ordering: .relaxed) }
    if handler.pointee.interest != 0 { watched.add(change, ordering: .relaxed) }
  }

  private func link(_ handler: Handler) {
    handler.pointee.next = first
    first?.pointee.previous = handler
    first = handler
  }

  private func unlink(_ handler: Handler) {
    if let previous = handler.pointee.previous {
      previous.pointee.next = handler.pointee.next
    } else {
      first = handler.pointee.next
    }
    handler.pointee.next?.pointee.previous = handler.pointee.previous
    handler.pointee.next = nil
    handler.pointee.previous = nil
  }

  // MARK: External clients (any thread)

  var areExternalsDisabled: Bool {
    externalDisableCount.load(ordering: .sequentiallyConsistent) != 0
  }

  func disableExternals() {
    externalDisableCount.add(1, ordering: .sequentiallyConsistent)
  }

  /// True if they are enabled now and were not before.
  func enableExternals() -> Bool {
    let before = externalDisableCount.subtract(1, ordering: .sequentiallyConsistent).oldValue
    precondition(before > 0, "external clients were enabled more often than they were disabled")
    return before == 1
  }

  // MARK: Home thread

  /// Whether there are removed handlers.
  @inline(__always)
  var hasRemoved: Bool { hasRetired.load(ordering: .acquiring) }

  /// Frees removed handlers that nothing refers to any more. Only while no pass is under way. `forget` is called for
  /// each before it goes, and callbacks are released outside the lock: what they held may come back to us.
  func reap(forget: (Handler) -> Void) {
    var free: Handler?
    lock.withLock {
      var kept: Handler?
      var cursor = retired
      while let handler = cursor {
        cursor = handler.pointee.nextRetired
        if handler.pointee.isReferenced {
          handler.pointee.nextRetired = kept
          kept = handler
        } else {
          handler.pointee.nextRetired = free
          free = handler
        }
      }
      retired = kept
      hasRetired.store(kept != nil, ordering: .relaxed)
    }
    while let handler = free {
      free = handler.pointee.nextRetired
      forget(handler)
      handler.free()
    }
  }

  /// Calls `body`, without the lock, for the handlers that are only polled if one was added since the last time.
  func takeNewPolled(_ body: (Handler) -> Void) {
    guard hasNewPolled.load(ordering: .acquiring) else { return }
    var found: [Handler] = []
    lock.withLock {
      hasNewPolled.store(false, ordering: .relaxed)
      var cursor = first
      while let handler = cursor {
        cursor = handler.pointee.next
        if handler.pointee.interest == 0 && !handler.pointee.isPolled { found.append(handler) }
      }
    }
    for handler in found { body(handler) }
  }

  /// The context goes: frees everything, and returns what users had left registered.
  func close() -> [String] {
    var leaks: [String] = []
    var cursor = first
    while let handler = cursor {
      cursor = handler.pointee.next
      if handler.pointee.role == .user {
        leaks.append("fd \(handler.pointee.descriptor)")
      }
      handler.free()
    }
    first = nil
    byDescriptor = []
    cursor = retired
    while let handler = cursor {
      cursor = handler.pointee.nextRetired
      handler.free()
    }
    retired = nil
    return leaks
  }

  /// Calls `body` for every node there is. The lock must be held.
  func visitIncludingRetired(_ body: (Handler) -> Void) {
    var cursor = first
    while let handler = cursor {
      body(handler)
      cursor = handler.pointee.next
    }
    cursor = retired
    while let handler = cursor {
      body(handler)
      cursor = handler.pointee.nextRetired
    }
  }

  /// Calls `body` for every registered handler, under the lock.
  func visit(_ body: (Handler) -> Void) {
    lock.withLock {
      var cursor = first
      while let handler = cursor {
        cursor = handler.pointee.next
        body(handler)
      }
    }
  }
}
