// The names of the engines: here and not with the engines, because an error of the context's says which cannot be had.

/// Who carries a context's requests out. Also ``AIOEngine/Kind``.
public enum EngineKind: String, CaseIterable, Sendable, CustomStringConvertible {
  /// A ring: the fd monitor's where that is io_uring, else one of its own.
  case ioURing = "io_uring"
  /// Linux AIO, for files open with O_DIRECT; the thread pool for what it cannot do without waiting.
  case linuxAIO = "native"
  /// The thread pool.
  case threads

  /// The same as the raw value. Any thread.
  public var description: String { rawValue }
}
