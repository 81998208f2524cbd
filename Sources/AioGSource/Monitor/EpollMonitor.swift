// epoll(7). The kernel keeps the set, `update` changes it at once from whatever thread, and GLib polls one descriptor:
// the set's. A wait costs what is ready, whatever is registered.
//
// Level-triggered, so a handler that leaves data is called again. A descriptor that epoll refuses (a regular file), or
// a set that no longer agrees with the handlers (one was closed before it was removed), ends this monitor: the loop
// builds a new set, or falls back to poll, before its next wait.

import CGLib
import CLiburing
import Glibc
import SystemPackage

final class EpollMonitor: Monitor {
  override var kind: MonitorKind { .epoll }

  private static let batch = 128

  private let kernel: Kernel
  private let descriptor: CInt
  private let events: UnsafeMutablePointer<epoll_event>
  /// GLib's handle of our one descriptor, under the lock; `attachedSource` also on the home thread.
  private var tag: UnsafeMutableRawPointer?
  private var attachedSource: UnsafeMutablePointer<GSource>?
  /// Whether epoll_pwait2(2) is there, which takes nanoseconds.
  private var hasNanosecondWait = true

  override init() {
    preconditionFailure("an epoll monitor is made with its descriptor")
  }

  private init(descriptor: CInt, kernel: Kernel) {
    self.kernel = kernel
    self.descriptor = descriptor
    events = .allocate(capacity: Self.batch)
    super.init()
  }

  static func make(kernel: Kernel) throws(Errno) -> EpollMonitor {
    let descriptor = kernel.epollCreate()
    if descriptor < 0 { throw Errno(rawValue: -descriptor) }
    return EpollMonitor(descriptor: descriptor, kernel: kernel)
  }

  deinit {
    events.deallocate()
    kernel.close(descriptor)
  }

  // MARK: The set

  override func update(_ old: Handler?, _ new: Handler?) {
    let isWatched = old.map { $0.pointee.interest != 0 } ?? false
    if let new, new.pointee.interest != 0 {
      var status = control(isWatched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, new)
      if status == ENOENT && isWatched {
        // The same as below.
        if old?.pointee.isSuspended == false { failure = .noSuchFileOrDirectory }
        status = control(EPOLL_CTL_ADD, new)
      }
      if status != 0 { failure = Errno(rawValue: status) }
    } else if isWatched, let old {
      // Not in the set because it was suspended is fine. Else its descriptor was closed too soon: the set may have an
      // entry for the old file that speaks of this handler, and nothing but a new set gets rid of that.
      let status = control(EPOLL_CTL_DEL, old)
      if status != 0 && !(status == ENOENT && old.pointee.isSuspended) {
        failure = Errno(rawValue: status)
      }
    }
  }

  private func control(_ operation: CInt, _ handler: Handler) -> CInt {
    var event = epoll_event()
    event.events = handler.pointee.interest
    aiogs_epoll_set_pointer(&event, handler)
    return -kernel.epollControl(descriptor, operation, handler.pointee.descriptor, &event)
  }

  // MARK: Alone

  override func wait(timeout: Int64, ready: ReadyList, handlers: HandlerTable) {
    let count = waitForEvents(timeout)
    if count <= 0 { return }
    for index in 0..<Int(count) {
      let event = events + index
      guard let pointer = aiogs_epoll_pointer(event) else { continue }
      let handler = pointer.assumingMemoryBound(to: HandlerNode.self)
      _ = found(handler, event.pointee.events, ready: ready, handlers: handlers)
    }
  }

  private func waitForEvents(_ timeout: Int64) -> CInt {
    if timeout <= 0 {
      return kernel.epollWait(
        descriptor, events, Self.batch, milliseconds: timeout < 0 ? -1 : 0)
    }
    var time = Timeout.timespec(timeout)
    if hasNanosecondWait {
      let count = kernel.epollWait(descriptor, events, Self.batch, &time)
      if count != -ENOSYS { return count }
      hasNanosecondWait = false
    }
    var record = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    if kernel.poll(&record, 1, &time) <= 0 { return 0 }
    return kernel.epollWait(descriptor, events, Self.batch, milliseconds: 0)
  }

  override func needsWait(_ handlers: HandlerTable) -> Bool {
    handlers.countWithoutPoll != 0
  }

  // MARK: Under GLib

  override func attach(
    to source: UnsafeMutablePointer<GSource>, records: SourcePollRecords, handlers: HandlerTable
  ) {
    if g_source_is_destroyed(source) != 0 { return }
    attachedSource = source
    tag = g_source_add_unix_fd(source, descriptor, G_IO_IN)
  }

  override func detach(from source: UnsafeMutablePointer<GSource>, handlers: HandlerTable) {
    if let tag, g_source_is_destroyed(source) == 0 { g_source_remove_unix_fd(source, tag) }
    attachedSource = nil
    tag = nil
  }

  override func check(handlers: HandlerTable) -> Bool {
    guard let attachedSource, let tag else { return false }
    return g_source_query_unix_fd(attachedSource, tag).rawValue != 0
  }

  override func collect(ready: ReadyList, handlers: HandlerTable) {
    if check(handlers: handlers) { wait(timeout: 0, ready: ready, handlers: handlers) }
  }
}
