// Which monitor a context gets, and when it gets another one. The first three functions run in init; the rest is the
// home thread's, right before a wait or a dispatch, but for `wantRing`.
//
// Left to choose, a context waits with poll while it has next to nothing to watch, with epoll for more, and with io_uring
// once it has that engine, or busy polling: see docs/decisions/three-monitors-in-turn.md.

import CGLib
import CLiburing
import Synchronization
import SystemPackage

extension AioContext {
  /// From how many watched handlers on, the event notifier among them, epoll takes the place of poll; for `automatic` where
  /// the one costs what the other does, for `pollThenEpoll` where the seed has it (contract 9.2).
  static func epollThreshold(_ selection: MonitorSelection) -> Int {
    switch selection {
    case .automatic: 4
    case .pollThenEpoll: 64
    case .demanded: .max
    }
  }

  static func makeMonitor(
    _ configuration: Configuration, _ kernel: Kernel
  ) throws(AioError) -> Monitor {
    switch configuration.monitor {
    case .demanded(let kind): return try makeMonitor(kind, kernel)
    case .pollThenEpoll: return PollMonitor(kernel: kernel)
    case .automatic:
      if configuration.polling.maximum > .zero, let monitor = try? makeMonitor(.ioURing, kernel) {
        return monitor
      }
      return PollMonitor(kernel: kernel)
    }
  }

  private static func makeMonitor(
    _ kind: MonitorKind, _ kernel: Kernel
  ) throws(AioError) -> Monitor {
    do {
      switch kind {
      case .ioURing:
        return RingMonitor(ring: try Ring.make(kernel: kernel))
      case .epoll: return try EpollMonitor.make(kernel: kernel)
      case .poll: return PollMonitor(kernel: kernel)
      }
    } catch {
      throw .monitorUnavailable(kind, error)
    }
  }

  /// What the context waits with. Any thread.
  ///
  /// It is what was demanded, or the best for what the context does, and changes only in these cases: `automatic` moves from
  /// poll to epoll when there are more descriptors, and to io_uring when the context gets that engine or busy polling is
  /// switched on; `pollThenEpoll` moves from the one to the other; an epoll set that no longer agrees with the handlers is
  /// built anew; a descriptor that epoll refuses (a regular file) moves the context to io_uring, if it was left to choose,
  /// and else to poll; an io_uring that fails is followed by epoll.
  public var monitor: MonitorKind {
    handlers.lock.withLock { handlers.monitor.kind }
  }

  /// Puts another monitor in where the present one failed or is outgrown.
  @inline(__always)
  func reviewMonitor() {
    if activeMonitor.failure != nil {
      replaceMonitor()
    } else if isRingWanted.load(ordering: .relaxed) && moveToRing() {
      // Where there is no ring to be had, it may still be time for epoll.
    } else if handlers.watchedCount + 1 >= epollThreshold && depth == 0
      && !handlers.areExternalsDisabled
    {
      // Not from a nested pass, and under the lock throughout: a handler added by another thread is in the old set's
      // list or in the new set, never in neither (e62da98527).
      replaceMonitor()
    }
  }

  /// A ring would do better from now on. Any thread.
  func wantRing() {
    if selection == .automatic { isRingWanted.store(true, ordering: .releasing) }
  }

  /// To the engine's ring, if there is one; whether it moved. Not in a pass that a bottom half or a handler nests.
  @inline(never)
  private func moveToRing() -> Bool {
    if depth > 0 { return false }
    isRingWanted.store(false, ordering: .relaxed)
    guard activeMonitor.kind != .ioURing, let new = makeRingMonitor() else { return false }
    let old = activeMonitor
    handlers.lock.withLock {
      _ = new.adopt(handlers)
      install(new, inPlaceOf: old)
    }
    old.close(handlers: handlers)
    return true
  }

  /// Takes the engine's handler for its ring away, so not with the lock held.
  private func makeRingMonitor() -> Monitor? {
    loopIO?.shareRing() ?? (try? Self.makeMonitor(.ioURing, kernel))
  }

  /// With the lock held.
  private func install(_ new: Monitor, inPlaceOf old: Monitor) {
    new.suspended = old.suspended
    if let source { old.detach(from: source, handlers: handlers) }
    handlers.monitor = new
    activeMonitor = new
    epollThreshold = .max
    if let source, let records = LoopSource.records(of: source) {
      new.attach(to: source, records: records, handlers: handlers)
    }
  }

  @inline(never)
  private func replaceMonitor() {
    let old = activeMonitor
    handlers.lock.withLock {
      var new: Monitor = PollMonitor(kernel: kernel)
      if let epoll = try? EpollMonitor.make(kernel: kernel), epoll.adopt(handlers) {
        new = epoll
      } else {
        // To a ring a descriptor that epoll refuses is like any other.
        if old.kind != .ioURing { wantRing() }
      }
      if new.kind == .poll && old.kind == .poll && old.failure == nil {
        epollThreshold = .max
        return
      }
      install(new, inPlaceOf: old)
    }
    if activeMonitor !== old {
      old.close(handlers: handlers)
      loopIO?.monitorIsReplaced(old)
    }
  }
}
