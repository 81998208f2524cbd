// The seam between the loop and the kernel: who watches descriptors, and how a wait ends. It stands with the handlers, which
// tell it of every change; behind it stand, in the room Monitor, three whole-file backends: PollMonitor, EpollMonitor,
// RingMonitor.
//
// `update`, `wait` and `needsWait` are the seed's FDMonOps; the other methods let GLib wait in our place. A class with
// overrides and not a protocol: one pointer, one indirect call, and no existential on the paths that run per pass.
//
// `update`, `attach` and `detach` are called by any thread with the handler table's lock held; all else is called by
// the home thread, without it.

import CGLib
import CLiburing
import SystemPackage

/// What a context waits with.
public enum MonitorKind: String, CaseIterable, Sendable, CustomStringConvertible {
  /// One io_uring: readiness, and a single descriptor for GLib to poll.
  case ioURing = "io_uring"
  /// One epoll set: readiness, and a single descriptor for GLib to poll.
  case epoll
  /// poll(2): a record per handler, for the kernel as for GLib.
  case poll

  /// The same as the raw value.
  public var description: String { rawValue }
}

class Monitor {
  var kind: MonitorKind { preconditionFailure("a monitor has a kind") }

  /// Set by whoever finds that this monitor cannot go on: the loop puts another in its place before its next wait.
  /// Under the table's lock, or on the home thread.
  final var failure: Errno?

  /// External handlers found ready while external clients are disabled. They leave the kernel's set then and not when
  /// the clients are disabled: that costs nothing until one is ready, and a ready one cannot end another wait (H13).
  final var suspended: [Handler] = [] {
    didSet { hasSuspended = !suspended.isEmpty }
  }
  /// Asked in each pass, where looking into the array costs an exclusivity check.
  final private(set) var hasSuspended = false

  // MARK: Any thread, with the lock

  /// Stops watching for `old` and starts for `new`.
  func update(_ old: Handler?, _ new: Handler?) {}

  /// The handlers of a table as a whole; false if one cannot be watched.
  func adopt(_ handlers: HandlerTable) -> Bool {
    var cursor = handlers.first
    while let handler = cursor {
      cursor = handler.pointee.next
      if !handler.pointee.isSuspended { update(nil, handler) }
    }
    return failure == nil
  }

  /// Has GLib poll what this monitor waits for.
  func attach(
    to source: UnsafeMutablePointer<GSource>, records: SourcePollRecords, handlers: HandlerTable
  ) {}

  /// The opposite. The source may be destroyed already.
  func detach(from source: UnsafeMutablePointer<GSource>, handlers: HandlerTable) {}

  // MARK: Home thread

  /// Waits up to `timeout` nanoseconds (0: not at all, -1: no limit) and adds to `ready` what became ready.
  func wait(timeout: Int64, ready: ReadyList, handlers: HandlerTable) {}

  /// Whether `wait` has to be called even where nothing is to be waited for.
  func needsWait(_ handlers: HandlerTable) -> Bool { false }

  /// Before GLib's poll: true if something is ready already.
  func prepare(handlers: HandlerTable) -> Bool { false }

  /// After GLib's poll: whether it, or something since, made anything ready.
  func check(handlers: HandlerTable) -> Bool { false }

  /// In dispatch: adds to `ready` what `check` speaks of, without waiting.
  func collect(ready: ReadyList, handlers: HandlerTable) {}

  /// The context, or this monitor's time, is over.
  func close(handlers: HandlerTable) {}

  // MARK: What the backends share

  /// Takes in what the kernel said of a handler. True if the handler is to be watched on.
  @inline(__always)
  final func found(
    _ handler: Handler, _ readiness: UInt32, ready: ReadyList, handlers: HandlerTable
  ) -> Bool {
    if handler.isDeleted { return false }
    if handler.pointee.isExternal && handlers.areExternalsDisabled {
      suspend(handler, handlers)
      return false
    }
    ready.push(handler, readiness)
    if readiness & Readiness.invalid != 0 {
      // The descriptor was closed: its callback hears of it once, and the kernel is not asked again.
      handler.pointee.isInvalid = true
      suspend(handler, handlers)
      return false
    }
    return true
  }

  @inline(never)
  private final func suspend(_ handler: Handler, _ handlers: HandlerTable) {
    handlers.lock.withLock {
      // Removed meanwhile: its descriptor may have another handler by now.
      if handler.isDeleted || handler.pointee.isSuspended { return }
      update(handler, nil)
      handler.pointee.isSuspended = true
      suspended.append(handler)
    }
  }

  /// Watches suspended handlers again once external clients are enabled.
  final func resumeSuspended(_ handlers: HandlerTable) {
    if suspended.isEmpty || handlers.areExternalsDisabled { return }
    handlers.lock.withLock {
      for handler in suspended where !handler.isDeleted && !handler.pointee.isInvalid {
        handler.pointee.isSuspended = false
        update(nil, handler)
      }
      suspended.removeAll { !$0.pointee.isSuspended || $0.isDeleted }
    }
  }
}
