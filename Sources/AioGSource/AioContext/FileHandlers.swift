// Setting and removing fd handlers and event notifiers. Any thread, unless said otherwise. Contract 6, 8.

import CLiburing
import Glibc
import SystemPackage

extension AioContext {
  /// Sets what is called when a descriptor is ready, in place of what was set for it before.
  ///
  /// Readiness is level-triggered: a callback that leaves data unread is called again in the next pass. Hang-up and error
  /// reach the reader, errors the writer too, and the writer gets hang-ups where there is no reader. A descriptor that
  /// was closed without removing its handler is reported once, where the kernel tells, and not watched on.
  ///
  /// With a `poll` callback the handler takes part in busy polling. It only tests whether there is work, cheaply and
  /// without system calls; `onPollReady` does the work, or `onReadable` where there is none, or `poll` itself where there
  /// is neither, as the seed's does. A handler with nothing but a `poll` callback is served by busy polling alone.
  /// Replacing a handler forgets its poll transitions.
  ///
  /// Any thread. On the home thread no callback of the handler that was replaced starts after the call; from another
  /// thread one may be running.
  ///
  /// - Parameters:
  ///   - descriptor: an open descriptor, which stays the caller's: remove the handler before closing it.
  ///   - isExternal: whether ``disableExternalClients()`` stops it.
  ///   - onReadable: is called while there is something to read.
  ///   - onWritable: is called while there is room to write.
  ///   - poll: tells, in busy polling, whether there is work.
  ///   - onPollReady: does the work that `poll` has told of.
  /// - Throws: ``AioError/invalidFileDescriptor(_:)``.
  ///
  /// Stands for `aio_set_fd_handler`.
  public func setHandler(
    for descriptor: FileDescriptor,
    isExternal: Bool = false,
    onReadable: (@Sendable () -> Void)? = nil,
    onWritable: (@Sendable () -> Void)? = nil,
    poll: (@Sendable () -> Bool)? = nil,
    onPollReady: (@Sendable () -> Void)? = nil
  ) throws(AioError) {
    let callbacks = HandlerCallbacks(
      onReadable: onReadable, onWritable: onWritable, poll: poll, onPollReady: onPollReady)
    if callbacks.isEmpty {
      removeHandler(for: descriptor)
      return
    }
    if descriptor.rawValue < 0 || kernel.descriptorFlags(descriptor.rawValue) < 0 {
      throw .invalidFileDescriptor(descriptor)
    }
    replaceHandler(
      descriptor,
      Handler.make(
        HandlerNode(
          descriptor: descriptor.rawValue, isExternal: isExternal, callbacks: callbacks)))
  }

  /// The same for a descriptor of an engine's own. It has a handler for as long as the engine lives.
  func setEngineHandler(
    descriptor: CInt, onReadable: @escaping @Sendable () -> Void,
    poll: (@Sendable () -> Bool)?
  ) {
    let callbacks = HandlerCallbacks(onReadable: onReadable, poll: poll)
    replaceHandler(
      FileDescriptor(rawValue: descriptor),
      Handler.make(HandlerNode(descriptor: descriptor, role: .engine, callbacks: callbacks)))
  }

  func removeEngineHandler(descriptor: CInt) {
    replaceHandler(FileDescriptor(rawValue: descriptor), nil)
  }

  /// Removes the handler of a descriptor, if it has one.
  ///
  /// Any thread. On the home thread none of its callbacks starts after the call, and the descriptor may be closed at
  /// once; from another thread one may be running, or about to: run a bottom half to be past it. With the io_uring
  /// monitor the kernel holds the file open until the loop's next turn.
  ///
  /// Stands for `aio_set_fd_handler` without callbacks.
  public func removeHandler(for descriptor: FileDescriptor) {
    if descriptor.rawValue >= 0 { replaceHandler(descriptor, nil) }
  }

  private func replaceHandler(_ descriptor: FileDescriptor, _ handler: Handler?) {
    // An epoll set is shared with the parent of a fork.
    notifyState.requireOwnProcess("setHandler(for:)")
    let (changed, old) = handlers.replace(descriptor: descriptor.rawValue, with: handler)
    guard changed else { return }
    if notifyState.isHome {
      // At once, be the node still with the kernel: a callback that holds the context would keep it alive if the loop
      // does not run again. One that is running is held by its caller.
      if let old { release(callbacksOf: old) }
      if depth == 0 { reapHandlers() }
    }
    notifyState.notify()
  }

  private func release(callbacksOf handler: Handler) {
    let callbacks = handler.pointee.callbacks
    let transitions = (handler.pointee.pollBegan, handler.pointee.pollEnded)
    handler.pointee.callbacks = HandlerCallbacks()
    handler.pointee.pollBegan = nil
    handler.pointee.pollEnded = nil
    // What they held may come back to us: not before the node is in order.
    withExtendedLifetime((callbacks, transitions)) {}
  }

  /// Sets what is called when busy polling begins and ends for a descriptor that has a handler with a poll callback:
  /// `began` and `ended` alternate, and after `ended` the handler is polled once more. Does nothing for a descriptor
  /// without a handler. Home thread.
  ///
  /// Stands for `aio_set_fd_poll`.
  public func setPollTransitions(
    for descriptor: FileDescriptor,
    began: (@Sendable () -> Void)?,
    ended: (@Sendable () -> Void)?
  ) {
    requireHome()
    guard let handler = handlers.handler(for: descriptor.rawValue) else { return }
    busyPolling.setTransitions(handler, began: began, ended: ended)
  }

  // MARK: Event notifiers

  /// The same as ``setHandler(for:isExternal:onReadable:onWritable:poll:onPollReady:)`` for an event notifier, which its
  /// callbacks are given. `onReadable` has to clear it.
  ///
  /// - Throws: ``AioError/invalidFileDescriptor(_:)`` for a closed one.
  ///
  /// Stands for `aio_set_event_notifier`.
  public func setHandler(
    for notifier: EventNotifier,
    isExternal: Bool = false,
    onReadable: (@Sendable (EventNotifier) -> Void)?,
    poll: (@Sendable (EventNotifier) -> Bool)? = nil,
    onPollReady: (@Sendable (EventNotifier) -> Void)? = nil
  ) throws(AioError) {
    try setHandler(
      for: notifier.fileDescriptor,
      isExternal: isExternal,
      onReadable: bind(onReadable, notifier),
      poll: bind(poll, notifier),
      onPollReady: bind(onPollReady, notifier))
  }

  /// Removes the handler of an event notifier, if it has one. Before the notifier is closed.
  public func removeHandler(for notifier: EventNotifier) {
    removeHandler(for: notifier.fileDescriptor)
  }

  /// The same as ``setPollTransitions(for:began:ended:)`` for an event notifier. Home thread.
  ///
  /// Stands for `aio_set_event_notifier_poll`.
  public func setPollTransitions(
    for notifier: EventNotifier,
    began: (@Sendable (EventNotifier) -> Void)?,
    ended: (@Sendable (EventNotifier) -> Void)?
  ) {
    setPollTransitions(
      for: notifier.fileDescriptor,
      began: bind(began, notifier),
      ended: bind(ended, notifier))
  }
}

private func bind<Result>(
  _ callback: (@Sendable (EventNotifier) -> Result)?, _ notifier: EventNotifier
) -> (@Sendable () -> Result)? {
  guard let callback else { return nil }
  return { callback(notifier) }
}
