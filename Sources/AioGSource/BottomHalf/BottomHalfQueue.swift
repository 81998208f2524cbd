// The bottom halves of one context: a lock-free stack that any thread pushes on, a list that the home thread appends to
// in its place while it is empty, and a first-in first-out queue that the home thread runs.
//
// A pass (`run`) takes the list and the whole stack, reversed, onto the end of the queue, and runs the queue until it is
// empty. What a callback schedules lands on the list or the stack, so it waits for the next pass. A pass nested in a
// callback appends to the same queue and drains it: the rest of the outer pass first, then its own, and the outer pass finds nothing
// left. That is what the seed's chain of slices does, with one list.
//
// The list spares the home thread two atomic operations (35 ns to 28 for one that is scheduled and run). What is on it was
// scheduled before what is on the stack: the home thread leaves it as soon as it sees one there.
//
// The stack is only pushed on and taken whole, so no node can come back under a compare-exchange (no ABA). Who frees a
// node, and that nobody touches it afterwards, is checked by Models/bottom-half.pml (enqueue, schedule, delete, abandon,
// run, reclaim).

import Synchronization

final class BottomHalfQueue: @unchecked Sendable {
  typealias Node = UnsafeMutablePointer<BottomHalfNode>
  private typealias Flag = BottomHalfNode.Flag

  enum Work {
    case none
    /// Only idle bottom halves are scheduled.
    case idle
    case ready
  }

  private let stack = Atomic<Node?>(nil)
  /// Home thread only, in a home section or in a pass.
  @exclusivity(unchecked) private var appended = BottomHalfList()
  /// Home thread only: what is being run.
  @exclusivity(unchecked) private var running = BottomHalfList()
  private(set) var callbacksRun = 0

  private let notifyState: NotifyState
  /// Guards the registry and `isClosed`.
  private let lock = Lock()
  private var registry: Node?
  private var isClosed = false

  init(notifyState: NotifyState) {
    self.notifyState = notifyState
  }

  // MARK: Any thread

  /// Sets flags and queues the node if it is not queued. Wait-free but for the push, no allocation. True if a
  /// notification is due.
  @inline(__always)
  private func enqueue(_ node: Node, _ flags: UInt32) -> UInt32 {
    // B6: releases what the caller wrote to the pass that dequeues, and acquires from the pass that ran it last.
    // Pairs with B7 in `run`. Contract 4.4.
    // Of sequential consistency, as is the push, for `notifyOfPayload` (B8).
    let before = node.pointee.flags.bitwiseOr(
      flags | Flag.pending, ordering: .sequentiallyConsistent
    ).oldValue
    if before & Flag.pending == 0 && !appendAtHome(node) {
      var head = stack.load(ordering: .relaxed)
      while true {
        node.pointee.next = head
        let result = stack.weakCompareExchange(
          expected: head, desired: node, successOrdering: .sequentiallyConsistent,
          failureOrdering: .relaxed)
        if result.exchanged { break }
        head = result.original
      }
    }
    return before
  }

  /// True if the caller is the home thread, and nothing was scheduled from elsewhere.
  @inline(__always)
  private func appendAtHome(_ node: Node) -> Bool {
    guard stack.load(ordering: .relaxed) == nil, let section = notifyState.beginHomeSection() else {
      return false
    }
    appended.append(node)
    notifyState.endHomeSection(section)
    return true
  }

  @inline(__always)
  func schedule(_ node: Node) {
    let before = enqueue(node, Flag.scheduled)
    if before & (Flag.idle | Flag.orphaned) != 0 {
      trapIfOrphaned(node, before)
      // An ordinary schedule outranks an idle one that has not run yet.
      node.pointee.flags.bitwiseAnd(~Flag.idle, ordering: .relaxed)
    }
    notifyState.notifyOfPayload()
  }

  func scheduleIdle(_ node: Node) {
    // Stays ordinary if it is scheduled as such already: in one step, or an ordinary schedule in between would become an
    // idle one.
    var flags = node.pointee.flags.load(ordering: .relaxed)
    while true {
      let isOrdinary = flags & (Flag.scheduled | Flag.idle) == Flag.scheduled
      let result = node.pointee.flags.weakCompareExchange(
        expected: flags, desired: flags | Flag.scheduled | (isOrdinary ? 0 : Flag.idle),
        ordering: .relaxed)
      if result.exchanged { break }
      flags = result.original
    }
    trapIfOrphaned(node, enqueue(node, Flag.scheduled))
    // On the home thread outside its sleep the next look finds it by itself. Setting `notified` would make the next
    // wait return at once, and a bottom half that re-arms itself would spin (contract 5.7).
    if !notifyState.canSkipNotification {
      notifyState.notify()
    }
  }

  func cancel(_ node: Node) {
    node.pointee.flags.bitwiseAnd(~Flag.scheduled, ordering: .acquiringAndReleasing)
  }

  func delete(_ node: Node) {
    if node.pointee.flags.load(ordering: .relaxed) & (Flag.deleted | Flag.orphaned) != 0 { return }
    _ = enqueue(node, Flag.deleted)
    releaseCallbackEarly(node)
    notifyState.notify()
  }

  func scheduleOneShot(name: String, _ callback: @escaping @Sendable () -> Void) {
    let node = Node.allocate(capacity: 1)
    node.initialize(to: BottomHalfNode(name: name, oneShot: callback))
    _ = enqueue(node, Flag.scheduled | Flag.oneShot)
    notifyState.notifyOfPayload()
  }

  @inline(__always)
  private func trapIfOrphaned(_ node: Node, _ flags: UInt32) {
    precondition(
      flags & Flag.orphaned == 0,
      "bottom half '\(node.pointee.name)' was scheduled after its AioContext was destroyed")
  }

  // MARK: Handles

  func makeNode(name: String, _ callback: @escaping @Sendable () -> Void) -> Node {
    let node = Node.allocate(capacity: 1)
    node.initialize(to: BottomHalfNode(name: name, callback: callback))
    lock.withLock {
      precondition(!isClosed, "bottom half '\(name)' was made after its AioContext was destroyed")
      node.pointee.registryNext = registry
      registry?.pointee.registryPrevious = node
      registry = node
    }
    return node
  }

  /// The handle goes: frees the node, or leaves that to the pass that takes it out of the queue.
  func abandon(_ node: Node) {
    var isToBeReleased = false
    let isOurs = lock.withLock {
      unregister(node)
      let before = node.pointee.flags.bitwiseOr(
        Flag.abandoned, ordering: .acquiringAndReleasing
      ).oldValue
      // Scheduled after it was reclaimed, it is in the queue once more, and the queue frees it.
      if before & (Flag.reclaimed | Flag.pending) == Flag.reclaimed { return true }
      if before & Flag.orphaned != 0 { return true }
      if before & Flag.deleted == 0 {
        _ = enqueue(node, Flag.deleted)
        // Not under the lock: what the callback holds may come back to us.
        isToBeReleased = true
      }
      return false
    }
    // The queue, which frees the node, is the home thread's: it is still there.
    if isToBeReleased { releaseCallbackEarly(node) }
    if isOurs {
      free(node)
    } else {
      notifyState.notify()
    }
  }

  /// On the home thread a deleted one lets go of its callback at once, and not with the pass that takes it out of the
  /// queue: a callback that holds the context would keep it alive if that pass never comes. A callback that is running
  /// is held by its caller.
  private func releaseCallbackEarly(_ node: Node) {
    guard notifyState.isHome else { return }
    if let callback = takeCallback(node) { BottomHalfCallback.drop(callback) }
  }

  private func unregister(_ node: Node) {
    if let previous = node.pointee.registryPrevious {
      previous.pointee.registryNext = node.pointee.registryNext
    } else {
      registry = node.pointee.registryNext
    }
    node.pointee.registryNext?.pointee.registryPrevious = node.pointee.registryPrevious
  }

  /// Not by `take()`, which is one access to the whole node, with the flags that others change meanwhile.
  private func takeCallback(_ node: Node) -> Unmanaged<BottomHalfCallback>? {
    let callback = node.pointee.callback
    node.pointee.callback = nil
    return callback
  }

  private func free(_ node: Node) {
    node.deinitialize(count: 1)
    node.deallocate()
  }

  // MARK: Home thread

  /// One pass; true if a bottom half that is not idle ran. Stands for `aio_bh_poll`.
  @inline(__always)
  func run() -> Bool {
    appended.isEmpty && stack.load(ordering: .relaxed) == nil && running.isEmpty ? false : runAll()
  }

  @inline(never)
  private func runAll() -> Bool {
    takeScheduled()
    var progress = false
    while let node = running.removeFirst() {
      // B7: acquires what was written before the schedule, and a schedule from now on queues the node anew. Pairs
      // with B6 in `enqueue`.
      let flags = node.pointee.flags.bitwiseAnd(
        ~(Flag.pending | Flag.scheduled | Flag.idle | Flag.reclaimed),
        ordering: .acquiringAndReleasing
      ).oldValue
      if flags & (Flag.scheduled | Flag.deleted) == Flag.scheduled {
        callbacksRun &+= 1
        if flags & Flag.idle == 0 { progress = true }
        if flags & Flag.oneShot != 0 {
          // It has no handle: nobody else knows of it any more.
          let callback = node.pointee.oneShot.take()
          free(node)
          callback?()
        } else if let callback = node.pointee.callback {
          // Which may delete the node, nest a pass that frees it, or both: the node is not ours to touch from here on.
          BottomHalfCallback.call(callback)
        }
      } else if flags & Flag.deleted != 0 {
        reclaim(node)
      }
    }
    return progress
  }

  /// What there is to do, for the timeout: looks at the stack and the queue, and stops at the first that must run.
  func work() -> Work {
    Self.work(
      from: appended.first,
      Self.work(
        from: stack.load(ordering: .sequentiallyConsistent), Self.work(from: running.first, .none)))
  }

  @inline(__always)
  private static func work(from start: Node?, _ known: Work) -> Work {
    var found = known
    var cursor = known == .ready ? nil : start
    while let node = cursor {
      let flags = node.pointee.flags.load(ordering: .sequentiallyConsistent)
      if flags & (Flag.scheduled | Flag.deleted) == Flag.scheduled {
        if flags & Flag.idle == 0 { return .ready }
        found = .idle
      }
      cursor = node.pointee.next
    }
    return found
  }

  /// Whether a pass would let go of a deleted one. Only the GSource asks: there nobody else would call for that pass.
  func hasDeleted() -> Bool {
    Self.contains(Flag.deleted, from: appended.first)
      || Self.contains(Flag.deleted, from: stack.load(ordering: .acquiring))
      || Self.contains(Flag.deleted, from: running.first)
  }

  private static func contains(_ flag: UInt32, from start: Node?) -> Bool {
    var cursor = start
    while let node = cursor {
      if node.pointee.flags.load(ordering: .relaxed) & flag != 0 { return true }
      cursor = node.pointee.next
    }
    return false
  }

  /// The list before the stack, of which nothing is older than what is on the list.
  private func takeScheduled() {
    // In a section for the sake of signal handlers on this thread: what they schedule meanwhile goes on the stack.
    let section = notifyState.beginHomeSection()
    running.append(&appended)
    if stack.load(ordering: .relaxed) != nil,
      let youngest = stack.exchange(nil, ordering: .acquiring)
    {
      running.append(reversed: youngest)
    }
    if let section { notifyState.endHomeSection(section) }
  }

  private func reclaim(_ node: Node) {
    if let callback = takeCallback(node) { BottomHalfCallback.drop(callback) }
    let before = node.pointee.flags.bitwiseOr(
      Flag.reclaimed, ordering: .acquiringAndReleasing
    ).oldValue
    // Scheduled again since it was taken out, it is in the queue once more, and is freed when it comes by.
    if before & (Flag.abandoned | Flag.pending) == Flag.abandoned { free(node) }
  }

  /// The context goes. Returns the names of those that were scheduled and neither ran nor were deleted.
  ///
  /// All under the lock, which a handle takes to go: what it sees is either the queue at work or the queue gone.
  func close() -> [String] {
    var leaks: [String] = []
    var callbacks: [Unmanaged<BottomHalfCallback>] = []
    var oneShots: [(@Sendable () -> Void)?] = []
    lock.withLock {
      isClosed = true
      var cursor = registry
      while let node = cursor {
        node.pointee.flags.bitwiseOr(Flag.orphaned, ordering: .acquiringAndReleasing)
        cursor = node.pointee.registryNext
      }
      takeScheduled()
      while let node = running.removeFirst() {
        let flags = node.pointee.flags.bitwiseAnd(~Flag.pending, ordering: .acquiringAndReleasing)
          .oldValue
        if flags & (Flag.scheduled | Flag.deleted) == Flag.scheduled {
          leaks.append(node.pointee.name)
        }
        if flags & (Flag.deleted | Flag.oneShot) != 0 {
          oneShots.append(node.pointee.oneShot)
          node.pointee.oneShot = nil
          if let callback = takeCallback(node) { callbacks.append(callback) }
        }
        if flags & Flag.abandoned != 0 { free(node) }
      }
    }
    // What they held may be handles of ours.
    for callback in callbacks { callback.release() }
    oneShots.removeAll()
    return leaks
  }

  // MARK: Introspection

  /// Every bottom half with its state. Home thread: it reads the queue as well as the registry.
  func describe() -> [(name: String, state: String)] {
    var rows: [(String, String)] = []
    lock.withLock {
      var cursor = registry
      while let node = cursor {
        let flags = node.pointee.flags.load(ordering: .relaxed)
        if flags & Flag.deleted == 0 { rows.append((node.pointee.name, Self.state(flags))) }
        cursor = node.pointee.registryNext
      }
    }
    for start in [appended.first, stack.load(ordering: .acquiring), running.first] {
      var cursor = start
      while let node = cursor {
        let flags = node.pointee.flags.load(ordering: .relaxed)
        if flags & Flag.oneShot != 0 { rows.append((node.pointee.name, Self.state(flags))) }
        cursor = node.pointee.next
      }
    }
    return rows
  }

  private static func state(_ flags: UInt32) -> String {
    let kind = flags & Flag.oneShot != 0 ? "one-shot, " : ""
    if flags & Flag.scheduled == 0 { return kind + "not scheduled" }
    return kind + (flags & Flag.idle != 0 ? "scheduled idle" : "scheduled")
  }
}
