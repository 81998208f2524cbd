// What a client may cost. A value.

public struct Limits: Sendable {
  /// How long a handshake may take.
  public var handshake: Duration = .seconds(10)
  /// How long a connection that is told to end may take to have its replies.
  public var farewell: Duration = .seconds(5)
  /// Connections at a time; those beyond are closed at once.
  public var connections = 4096
  /// Bytes of buffers that a connection may have in use; with a request that is larger, that one alone. Few enough to stay
  /// in the processor's cache: with more of them nbdcopy is slower (nbd.copy in scripts/bench).
  public var memory = 2 << 20

  public init() {}
}
