// Which monitor a context gets, and when it gets another one. The first three functions run in init; the rest is the
// home thread's, right before a wait.

import CGLib
import CLiburing
import Synchronization
import SystemPackage

extension AioContext {
  /// From how many watched handlers on, the event notifier among them, `pollThenEpoll` uses epoll.
  static let epollThreshold = 64

  static func makeMonitor(
    _ selection: MonitorSelection, _ kernel: Kernel
  ) throws(AioError) -> Monitor {
    switch selection {
    case .demanded(let kind): return try makeMonitor(kind, kernel)
    case .pollThenEpoll: return PollMonitor(kernel: kernel)
    case .automatic:
      for kind in [MonitorKind.ioURing, .epoll] {
        if let monitor = try? makeMonitor(kind, kernel) { return monitor }
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
  /// It is what was demanded, or the best that could be had, and changes only in these cases: an epoll set that no
  /// longer agrees with the handlers is built anew, a descriptor that epoll refuses (a regular file) moves the context
  /// to poll, and `pollThenEpoll` moves from the one to the other.
  public var monitor: MonitorKind {
    handlers.lock.withLock { handlers.monitor.kind }
  }

  /// Puts another monitor in where the present one failed or is outgrown.
  @inline(__always)
  func reviewMonitor() {
    if activeMonitor.failure != nil {
      replaceMonitor()
    } else if selection == .pollThenEpoll && depth == 0 && activeMonitor.kind == .poll
      && handlers.watchedCount + 1 >= Self.epollThreshold && !epollRefused
      && !handlers.areExternalsDisabled
    {
      // Not from a nested pass, and under the lock throughout: a handler added by another thread is in the old set's
      // list or in the new set, never in neither (e62da98527).
      replaceMonitor()
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
        epollRefused = true
      }
      if new.kind == .poll && old.kind == .poll && old.failure == nil { return }
      new.suspended = old.suspended
      if let source { old.detach(from: source, handlers: handlers) }
      handlers.monitor = new
      activeMonitor = new
      if let source, let records = LoopSource.records(of: source) {
        new.attach(to: source, records: records, handlers: handlers)
      }
    }
    if activeMonitor !== old {
      old.close(handlers: handlers)
      loopIO?.monitorIsReplaced(old)
    }
  }
}
