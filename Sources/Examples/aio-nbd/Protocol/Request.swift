// The head of a request, as it comes off the wire. Whether it may be served is for `Session.judge` to say.

/// A request of the transmission phase, without the payload that follows a write.
@frozen
public struct Request: Sendable, Hashable {
  /// In bytes, on the wire.
  public static let size = 28

  public var flags: CommandFlags
  /// A ``Command``, or a number that is none.
  public var type: UInt16
  /// What the client knows the request by; the reply carries it back.
  public var cookie: UInt64
  /// In bytes.
  public var offset: UInt64
  /// In bytes.
  public var length: UInt32

  @inlinable
  public init(
    flags: CommandFlags = [], type: UInt16, cookie: UInt64, offset: UInt64, length: UInt32
  ) {
    self.flags = flags
    self.type = type
    self.cookie = cookie
    self.offset = offset
    self.length = length
  }

  /// Reads a request from the first ``size`` bytes, of any alignment. Nil if they do not begin with the magic number:
  /// the two sides are out of step, and the connection is of no more use.
  ///
  /// Traps if there are fewer bytes.
  @inlinable
  public init?(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count >= Request.size, "a request was parsed from fewer than 28 bytes")
    guard bytes.bigEndian(at: 0, as: UInt32.self) == Magic.request else { return nil }
    flags = CommandFlags(rawValue: bytes.bigEndian(at: 4, as: UInt16.self))
    type = bytes.bigEndian(at: 6, as: UInt16.self)
    cookie = bytes.bigEndian(at: 8, as: UInt64.self)
    offset = bytes.bigEndian(at: 16, as: UInt64.self)
    length = bytes.bigEndian(at: 24, as: UInt32.self)
  }
}
