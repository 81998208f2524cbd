// What can be chosen when a context is made.

extension AioContext {
  /// Which monitor a context waits with.
  public enum MonitorSelection: Hashable, Sendable {
    /// The best there is for what the context does: poll for up to two descriptors, epoll for more, io_uring with busy
    /// polling or once the context has the io_uring engine, where that can be had. ``AioContext/monitor`` tells which it
    /// is.
    case automatic
    /// This one; making the context throws where it cannot be had.
    case demanded(MonitorKind)
    /// poll(2) while there are few handlers, epoll from 64 on: what the seed does without io_uring.
    case pollThenEpoll
  }

  /// What can be chosen when a context is made.
  public struct Configuration: Hashable, Sendable {
    /// Which monitor the context waits with.
    public var monitor: MonitorSelection
    /// How it busy polls before it sleeps; off unless told otherwise.
    public var polling: PollingParameters

    /// The best monitor and no busy polling, unless told otherwise. Nothing is checked before a context is made with it.
    public init(monitor: MonitorSelection = .automatic, polling: PollingParameters = .disabled) {
      self.monitor = monitor
      self.polling = polling
    }
  }
}
