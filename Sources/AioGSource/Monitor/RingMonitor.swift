// io_uring. Each watched handler has a one-shot poll request with the kernel; when it completes, the handler is ready
// and the request is made again with the next submission, after the callbacks of the pass. One-shot and re-armed is
// level-triggered: a handler that leaves data is called again. (Multishot is not: it speaks once of data left behind.)
// GLib polls one descriptor, the ring's.
//
// Only the home thread submits, because the kernel cancels the requests of a thread that ends. `update` leaves a note
// under the lock, and the loop, which every update notifies, turns the notes into requests before it waits. So a removed
// descriptor's file is let go of by the kernel with the loop's next submission, and the handler is freed when its
// request has completed, whatever it completes with. Modelled by Models/handler-removal.pml; and wait and prepare, with the
// I/O engine's requests, by Models/request-asleep.pml.

import CGLib
import CLiburing
import Synchronization
import SystemPackage

final class RingMonitor: Monitor {
  override var kind: MonitorKind { .ioURing }

  /// Shared with the context's I/O engine, if that is io_uring too.
  let ring: Ring
  /// Under the lock.
  private var firstChanged: Handler?
  private let hasChanges = Atomic<Bool>(false)
  /// Home thread.
  private var firstToBeArmed: Handler?

  private var tag: UnsafeMutableRawPointer?
  private var attachedSource: UnsafeMutablePointer<GSource>?

  init(ring: Ring) {
    self.ring = ring
  }

  // MARK: Notes

  override func update(_ old: Handler?, _ new: Handler?) {
    if let old { noteChange(old) }
    if let new { noteChange(new) }
  }

  private func noteChange(_ handler: Handler) {
    if handler.pointee.interest == 0 || handler.pointee.isChanged { return }
    handler.pointee.isChanged = true
    handler.pointee.nextChanged = firstChanged
    firstChanged = handler
    hasChanges.store(true, ordering: .releasing)
  }

  /// Turns notes and re-arms into entries of the submission queue. What finds no place in it stays for the next time.
  private func prepareEntries(_ handlers: HandlerTable) {
    if hasChanges.load(ordering: .acquiring) {
      handlers.lock.withLock {
        hasChanges.store(false, ordering: .relaxed)
        while let handler = firstChanged {
          let isUnwanted = handler.isDeleted || handler.pointee.isSuspended
          if isUnwanted {
            let needsRemoval = handler.pointee.isInFlight && !handler.pointee.isRemovalSubmitted
            if needsRemoval && !prepareRemoval(handler) {
              hasChanges.store(true, ordering: .relaxed)
              break
            }
          } else {
            queueToBeArmed(handler)
          }
          firstChanged = handler.pointee.nextChanged
          handler.pointee.nextChanged = nil
          handler.pointee.isChanged = false
        }
      }
    }
    var notServed: Handler?
    while let handler = firstToBeArmed {
      let isWanted = !handler.isDeleted && !handler.pointee.isSuspended
      if isWanted && handler.pointee.isReady {
        // In a nested pass: a poll made before its callback may speak of what that takes, and later than that.
        firstToBeArmed = handler.pointee.nextToBeArmed
        handler.pointee.nextToBeArmed = notServed
        notServed = handler
        continue
      }
      if isWanted && !handler.pointee.isInFlight && !preparePoll(handler) { break }
      firstToBeArmed = handler.pointee.nextToBeArmed
      handler.pointee.nextToBeArmed = nil
      handler.pointee.isToBeArmed = false
    }
    while let handler = notServed {
      notServed = handler.pointee.nextToBeArmed
      handler.pointee.nextToBeArmed = firstToBeArmed
      firstToBeArmed = handler
    }
  }

  private func queueToBeArmed(_ handler: Handler) {
    if handler.pointee.isToBeArmed { return }
    handler.pointee.isToBeArmed = true
    handler.pointee.nextToBeArmed = firstToBeArmed
    firstToBeArmed = handler
  }

  private func preparePoll(_ handler: Handler) -> Bool {
    guard let entry = ring.nextEntry() else { return false }
    io_uring_prep_poll_add(entry, handler.pointee.descriptor, handler.pointee.interest)
    entry.pointee.user_data = UInt64(UInt(bitPattern: handler))
    handler.pointee.isInFlight = true
    return true
  }

  private func prepareRemoval(_ handler: Handler) -> Bool {
    guard let entry = ring.nextEntry() else { return false }
    entry.pointee.opcode = UInt8(IORING_OP_POLL_REMOVE.rawValue)
    entry.pointee.fd = -1
    entry.pointee.addr = UInt64(UInt(bitPattern: handler))
    // Its own completion says nothing that the poll's does not: user_data 0.
    ring.skipSuccess(entry)
    handler.pointee.isRemovalSubmitted = true
    return true
  }

  // MARK: Completions

  private func takeCompletions(ready: ReadyList, handlers: HandlerTable) {
    ring.takeCompletions { userData, result in
      guard let handler = Handler(bitPattern: UInt(userData)) else { return }
      handler.pointee.isInFlight = false
      handler.pointee.isRemovalSubmitted = false
      let isWatched: Bool
      if result == -ECANCELED {
        // Removed or suspended; or the thread that submitted it has ended, and this one takes over.
        isWatched = !handler.isDeleted && !handler.pointee.isSuspended
      } else {
        isWatched = found(
          handler, Self.readiness(result), ready: ready, handlers: handlers)
      }
      if isWatched { queueToBeArmed(handler) }
    }
  }

  /// A negative result is an errno, not an event mask (H10).
  private static func readiness(_ result: Int32) -> UInt32 {
    if result >= 0 { return UInt32(result) }
    return result == -EBADF ? Readiness.invalid : Readiness.error
  }

  // MARK: Alone

  override func wait(timeout: Int64, ready: ReadyList, handlers: HandlerTable) {
    prepareEntries(handlers)
    // Not asleep with handlers that the queue had no place for: they go with the next call.
    let mustReturn = timeout == 0 || ring.hasCompletions || hasLeftovers
    let status = mustReturn ? ring.submitAndPost() : ring.submitAndWait(timeout: timeout)
    note(status)
    takeCompletions(ready: ready, handlers: handlers)
  }

  override func needsWait(_ handlers: HandlerTable) -> Bool {
    ring.hasCompletions || ring.hasPreparedEntries || firstToBeArmed != nil
      || hasChanges.load(ordering: .acquiring)
  }

  /// Handlers that the submission queue had no place for, or that wait for their callbacks.
  private var hasLeftovers: Bool {
    firstToBeArmed != nil || hasChanges.load(ordering: .acquiring)
  }

  /// EBUSY, EAGAIN and ENOMEM pass: the entries stay in the queue, and completions are taken out before the next try.
  private func note(_ status: CInt) {
    switch status {
    case 0, EBUSY, EAGAIN, ENOMEM, EINTR: break
    default: failure = Errno(rawValue: status)
    }
  }

  // MARK: Under GLib

  override func attach(
    to source: UnsafeMutablePointer<GSource>, records: SourcePollRecords, handlers: HandlerTable
  ) {
    if g_source_is_destroyed(source) != 0 { return }
    attachedSource = source
    tag = g_source_add_unix_fd(source, ring.descriptor, G_IO_IN)
  }

  override func detach(from source: UnsafeMutablePointer<GSource>, handlers: HandlerTable) {
    if let tag, g_source_is_destroyed(source) == 0 { g_source_remove_unix_fd(source, tag) }
    attachedSource = nil
    tag = nil
  }

  override func prepare(handlers: HandlerTable) -> Bool {
    prepareEntries(handlers)
    if ring.hasPreparedEntries { note(ring.submit()) }
    // What the kernel did not take just now must not be slept on.
    return ring.hasCompletions || ring.hasPreparedEntries || hasLeftovers || failure != nil
  }

  override func check(handlers: HandlerTable) -> Bool {
    // The queue as well as the descriptor: completions may have come with prepare's submission.
    if ring.hasCompletions { return true }
    guard let attachedSource, let tag else { return false }
    return g_source_query_unix_fd(attachedSource, tag).rawValue != 0
  }

  override func collect(ready: ReadyList, handlers: HandlerTable) {
    if ring.hasCompletions {
      note(ring.submitAndPost())
      takeCompletions(ready: ready, handlers: handlers)
    }
  }

  // MARK: The end

  private func removeAll(_ handlers: HandlerTable) {
    handlers.lock.withLock {
      handlers.visitIncludingRetired { handler in
        if handler.pointee.isInFlight { _ = prepareRemoval(handler) }
      }
    }
    ring.submit()
  }

  override func close(handlers: HandlerTable) {
    // The kernel drops the ring's requests with the ring, and no completion will speak of a handler again. One that is
    // shared lives on with the engine, which takes no notice of ours; they are taken back, for they hold their files.
    if ring.client != nil { removeAll(handlers) }
    handlers.lock.withLock {
      firstChanged = nil
      firstToBeArmed = nil
      handlers.visitIncludingRetired { handler in
        handler.pointee.isInFlight = false
        handler.pointee.isRemovalSubmitted = false
        handler.pointee.isChanged = false
        handler.pointee.isToBeArmed = false
        handler.pointee.nextChanged = nil
        handler.pointee.nextToBeArmed = nil
      }
    }
  }
}
