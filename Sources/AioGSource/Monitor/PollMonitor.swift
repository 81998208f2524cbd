// poll(2). Alone it polls an array that is kept from wait to wait and rebuilt when a handler comes or goes; under GLib
// each handler has a GPollFD of its own, and GLib polls. Works everywhere; its cost grows with the handlers.

import CGLib
import CLiburing
import Glibc
import Synchronization
import SystemPackage

final class PollMonitor: Monitor {
  override var kind: MonitorKind { .poll }

  private let kernel: Kernel
  /// Set under the lock by `update`, cleared by the home thread when it rebuilds.
  private let isStale = Atomic<Bool>(true)
  private var records: UnsafeMutablePointer<pollfd>
  private var watchers: UnsafeMutablePointer<Handler>
  private var capacity = 8
  private var count = 0

  /// While attached, under the lock.
  private var source: UnsafeMutablePointer<GSource>?
  private var sourceRecords: SourcePollRecords?

  init(kernel: Kernel) {
    self.kernel = kernel
    records = .allocate(capacity: capacity)
    watchers = .allocate(capacity: capacity)
  }

  deinit {
    records.deallocate()
    watchers.deallocate()
  }

  override func update(_ old: Handler?, _ new: Handler?) {
    isStale.store(true, ordering: .releasing)
    guard let source, let sourceRecords else { return }
    // The old record first: GLib must not know a record whose handler is gone.
    if let old, let record = old.pointee.sourceRecord {
      sourceRecords.remove(record, from: source)
      old.pointee.sourceRecord = nil
    }
    if let new, new.pointee.interest != 0 {
      new.pointee.sourceRecord = sourceRecords.add(new, to: source)
    }
  }

  // MARK: Alone

  override func wait(timeout: Int64, ready: ReadyList, handlers: HandlerTable) {
    if isStale.load(ordering: .acquiring) { rebuild(handlers) }
    let found: CInt
    if timeout < 0 {
      found = kernel.poll(records, count, nil)
    } else {
      var time = Timeout.timespec(timeout)
      found = kernel.poll(records, count, &time)
    }
    // Negative: a signal. Nothing is ready then.
    if found <= 0 { return }
    forgetWhatGLibSaw(handlers)
    var left = found
    for index in 0..<count where records[index].revents != 0 {
      let readiness = UInt32(UInt16(bitPattern: records[index].revents))
      _ = self.found(watchers[index], readiness, ready: ready, handlers: handlers)
      left -= 1
      if left == 0 { break }
    }
  }

  override func needsWait(_ handlers: HandlerTable) -> Bool {
    handlers.countWithoutPoll != 0
  }

  /// Between GLib's poll and our dispatch: what is served now must not be served again for what GLib saw (contract 3.6).
  private func forgetWhatGLibSaw(_ handlers: HandlerTable) {
    handlers.lock.withLock {
      if sourceRecords == nil { return }
      for index in 0..<count where records[index].revents != 0 {
        watchers[index].pointee.sourceRecord?.pointee.base.revents = 0
      }
    }
  }

  private func rebuild(_ handlers: HandlerTable) {
    handlers.lock.withLock {
      isStale.store(false, ordering: .relaxed)
      count = 0
      var cursor = handlers.first
      while let handler = cursor {
        cursor = handler.pointee.next
        if handler.pointee.interest == 0 || handler.pointee.isSuspended { continue }
        if count == capacity { grow() }
        records[count] = pollfd(
          fd: handler.pointee.descriptor, events: Int16(handler.pointee.interest), revents: 0)
        watchers[count] = handler
        count += 1
      }
    }
  }

  private func grow() {
    let newRecords = UnsafeMutablePointer<pollfd>.allocate(capacity: capacity * 2)
    let newWatchers = UnsafeMutablePointer<Handler>.allocate(capacity: capacity * 2)
    newRecords.moveInitialize(from: records, count: count)
    newWatchers.moveInitialize(from: watchers, count: count)
    records.deallocate()
    watchers.deallocate()
    records = newRecords
    watchers = newWatchers
    capacity *= 2
  }

  // MARK: Under GLib

  override func attach(
    to source: UnsafeMutablePointer<GSource>, records: SourcePollRecords, handlers: HandlerTable
  ) {
    self.source = source
    sourceRecords = records
    var cursor = handlers.first
    while let handler = cursor {
      cursor = handler.pointee.next
      if handler.pointee.interest != 0 && !handler.pointee.isSuspended {
        handler.pointee.sourceRecord = records.add(handler, to: source)
      }
    }
  }

  override func detach(from source: UnsafeMutablePointer<GSource>, handlers: HandlerTable) {
    var cursor = handlers.first
    while let handler = cursor {
      cursor = handler.pointee.next
      if let record = handler.pointee.sourceRecord {
        sourceRecords?.remove(record, from: source)
        handler.pointee.sourceRecord = nil
      }
    }
    self.source = nil
    sourceRecords = nil
  }

  override func check(handlers: HandlerTable) -> Bool {
    handlers.lock.withLock {
      var cursor = sourceRecords?.first
      while let record = cursor {
        if record.pointee.base.revents != 0 && record.pointee.handler != nil { return true }
        cursor = record.pointee.next
      }
      return false
    }
  }

  override func collect(ready: ReadyList, handlers: HandlerTable) {
    // What may have to be suspended is rare, and takes the lock and the record itself: a second step.
    var special: [(Handler, UInt32)] = []
    handlers.lock.withLock {
      let areExternalsDisabled = handlers.areExternalsDisabled
      var cursor = sourceRecords?.first
      while let record = cursor {
        cursor = record.pointee.next
        let readiness = UInt32(record.pointee.base.revents)
        guard readiness != 0, let handler = record.pointee.handler else { continue }
        record.pointee.base.revents = 0
        if readiness & Readiness.invalid != 0
          || areExternalsDisabled && handler.pointee.isExternal
        {
          special.append((handler, readiness))
        } else {
          ready.push(handler, readiness)
        }
      }
    }
    for (handler, readiness) in special {
      _ = found(handler, readiness, ready: ready, handlers: handlers)
    }
  }
}
