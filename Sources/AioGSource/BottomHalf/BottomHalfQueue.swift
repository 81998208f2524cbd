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
// One-shots are nodes without a handle, the home thread's own once they are in the queue. Theirs is memory of a
// SlotAllocator's, for most of them are made by one thread and freed by another.
//
// The stack is only pushed on and taken whole, so no node can come back under a compare-exchange (no ABA). Who frees a
// node, and that nobody touches it afterwards, is checked by Models/bottom-half.pml (enqueue, schedule, delete, abandon,
// run, reclaim).

import Synchronization

final class BottomHalfQueue: @unchecked Sendable {
  typealias Node = UnsafeMutablePointer<BottomHalfNode>
  typealias Registered = UnsafeMutablePointer<RegisteredBottomHalf>
  typealias Flag = BottomHalfNode.Flag

  enum Work {
    case none
    /// Only idle bottom halves are scheduled.
    case idle
    case ready
  }

  private let notifyState: NotifyState
  /// Guards the registry and `isClosed`.
  let lock = Lock()
  private(set) var registry: Registered?
  private var isClosed = false

  // Every thread that schedules writes the stack, every pass what is the home thread's, and what is above changes only as
  // handles come and go.
  private let gapBefore = CacheLine()
  let stack = Atomic<Node?>(nil)
  private let gapAfter = CacheLine()

  /// Home thread only, in a home section or in a pass.
  @exclusivity(unchecked) private(set) var appended = BottomHalfList()
  /// Home thread only: what is being run.
  @exclusivity(unchecked) private(set) var running = BottomHalfList()
  private(set) var callbacksRun = 0
  /// Home thread only: what one-shots were in, given back when the next one was in another block.
  @exclusivity(unchecked) private var spent = SpentSlots()
  private let gapAtEnd = CacheLine()

  init(notifyState: NotifyState) {
    self.notifyState = notifyState
  }

  // MARK: Any thread

  /// Sets flags and queues the node if it is not queued. Wait-free but for the push, no allocation. Returns the
  /// flags before.
  @inline(__always)
  private func enqueue(_ node: Node, _ flags: UInt32) -> UInt32 {
    // B6: releases what the caller wrote to the pass that dequeues, and acquires from the pass that ran it last.
    // Pairs with B7 in `run`. Contract 4.4.
    // Of sequential consistency, as is the push, for `notifyOfPayload` (B8).
    let before = node.pointee.flags.bitwiseOr(
      flags | Flag.pending, ordering: .sequentiallyConsistent
    ).oldValue
    if before & Flag.pending == 0 { add(node) }
    return before
  }

  /// Takes in a node that is marked as pending.
  @inline(__always)
  private func add(_ node: Node) {
    if appendAtHome(node) { return }
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

  func scheduleOneShot(name: consuming String, _ callback: consuming @escaping @Sendable () -> Void)
  {
    let slot = ThreadState.unretainedCurrent._withUnsafeGuaranteedRef { $0.slots.take() }
    let node = slot.address.bindMemory(to: BottomHalfNode.self, capacity: 1)
    node.initialize(to: BottomHalfNode(name: name, slot: slot.number, oneShot: callback))
    // Born pending: nobody else knows of it before this, which publishes it as `enqueue` would (B6), or at home by the
    // section's end (B11).
    add(node)
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
    let registered = Registered.allocate(capacity: 1)
    registered.initialize(to: RegisteredBottomHalf(BottomHalfNode(name: name, callback: callback)))
    lock.withLock {
      precondition(!isClosed, "bottom half '\(name)' was made after its AioContext was destroyed")
      registered.pointee.next = registry
      registry?.pointee.previous = registered
      registry = registered
    }
    return Self.node(registered)
  }

  /// The handle goes: frees the node, or leaves that to the pass that takes it out of the queue.
  func abandon(_ node: Node) {
    var isToBeReleased = false
    let isOurs = lock.withLock {
      unregister(Self.registered(node))
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

  static func node(_ registered: Registered) -> Node {
    UnsafeMutableRawPointer(registered).assumingMemoryBound(to: BottomHalfNode.self)
  }

  private static func registered(_ node: Node) -> Registered {
    UnsafeMutableRawPointer(node).assumingMemoryBound(to: RegisteredBottomHalf.self)
  }

  private func unregister(_ registered: Registered) {
    let (previous, next) = (registered.pointee.previous, registered.pointee.next)
    if let previous { previous.pointee.next = next } else { registry = next }
    next?.pointee.previous = previous
  }

  /// Not by `take()`, which is one access to the whole node, with the flags that others change meanwhile.
  private func takeCallback(_ node: Node) -> Unmanaged<BottomHalfCallback>? {
    let callback = node.pointee.callback
    node.pointee.callback = nil
    return callback
  }

  private func free(_ node: Node) {
    let registered = Self.registered(node)
    registered.deinitialize(count: 1)
    registered.deallocate()
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
      if node.pointee.isOneShot {
        progress = true
        runOneShot(node)
        continue
      }
      // B7: acquires what was written before the schedule, and a schedule from now on queues the node anew. Pairs
      // with B6 in `enqueue`.
      let flags = node.pointee.flags.bitwiseAnd(
        ~(Flag.pending | Flag.scheduled | Flag.idle | Flag.reclaimed),
        ordering: .acquiringAndReleasing
      ).oldValue
      if flags & (Flag.scheduled | Flag.deleted) == Flag.scheduled {
        callbacksRun &+= 1
        if flags & Flag.idle == 0 { progress = true }
        // Which may delete the node, nest a pass that frees it, or both: the node is not ours to touch from here on.
        if let callback = node.pointee.callback { BottomHalfCallback.call(callback) }
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

  @inline(never)
  private func runOneShot(_ node: Node) {
    callbacksRun &+= 1
    let oneShot = takeOut(node)
    oneShot?.call()
  }

  /// The callback of a one-shot, whose slot is done with.
  @inline(__always)
  private func takeOut(_ node: Node) -> BottomHalfNode.OneShot? {
    let slot = SlotAllocator.Slot(address: node, number: node.pointee.slot)
    let oneShot = node.pointee.oneShot.take()
    node.deinitialize(count: 1)
    spent.add(slot)
    return oneShot
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
    var oneShots: [@Sendable () -> Void] = []
    lock.withLock {
      isClosed = true
      var cursor = registry
      while let registered = cursor {
        registered.pointee.node.flags.bitwiseOr(Flag.orphaned, ordering: .acquiringAndReleasing)
        cursor = registered.pointee.next
      }
      takeScheduled()
      while let node = running.removeFirst() {
        let flags = node.pointee.flags.bitwiseAnd(~Flag.pending, ordering: .acquiringAndReleasing)
          .oldValue
        if flags & (Flag.scheduled | Flag.deleted) == Flag.scheduled {
          leaks.append(node.pointee.name)
        }
        if flags & Flag.oneShot != 0 {
          if let oneShot = takeOut(node) { oneShots.append(oneShot.body) }
          continue
        }
        if flags & Flag.deleted != 0, let callback = takeCallback(node) {
          callbacks.append(callback)
        }
        if flags & Flag.abandoned != 0 { free(node) }
      }
    }
    spent.giveBack()
    // What they held may be handles of ours.
    for callback in callbacks { callback.release() }
    oneShots.removeAll()
    return leaks
  }
}
