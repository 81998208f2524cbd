// What the two sides call things during the handshake: the flags they greet with, the client's options, and the types
// of the server's replies to them. Plain numbers with names: an unknown one is a number too.

/// What a server says of itself in its greeting.
@frozen
public struct HandshakeFlags: OptionSet, Sendable, Hashable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let fixedNewstyle = HandshakeFlags(rawValue: 1 << 0)
  public static let noZeroes = HandshakeFlags(rawValue: 1 << 1)
}

/// What a client answers to the greeting. A flag that is not known here ends the connection.
@frozen
public struct ClientFlags: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let fixedNewstyle = ClientFlags(rawValue: 1 << 0)
  /// The client does without the 124 bytes of zeroes after `NBD_OPT_EXPORT_NAME`.
  public static let noZeroes = ClientFlags(rawValue: 1 << 1)

  static let known: ClientFlags = [.fixedNewstyle, .noZeroes]
}

/// An option that a client negotiates.
public enum NegotiationOption: UInt32, Sendable {
  case exportName = 1
  case abort = 2
  case list = 3
  case peekExport = 4
  case startTLS = 5
  case info = 6
  case go = 7
  case structuredReply = 8
  case listMetaContext = 9
  case setMetaContext = 10
}

/// The type of a reply to an option.
public enum OptionReply: UInt32, Sendable {
  case acknowledgement = 1
  case server = 2
  case info = 3
  case metaContext = 4
  case unsupported = 0x8000_0001
  case policy = 0x8000_0002
  case invalid = 0x8000_0003
  case platform = 0x8000_0004
  case tlsRequired = 0x8000_0005
  case unknownExport = 0x8000_0006
  case shutdown = 0x8000_0007
  case blockSizeRequired = 0x8000_0008
  case tooBig = 0x8000_0009

  var isError: Bool { rawValue >= 0x8000_0000 }
}

/// A piece of information on an export, as `NBD_OPT_INFO` and `NBD_OPT_GO` ask for and give it.
public enum InformationType: UInt16, Sendable {
  case export = 0
  case name = 1
  case description = 2
  case blockSize = 3
}
