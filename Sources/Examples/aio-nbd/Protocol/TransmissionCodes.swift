// What the two sides call things once an export has been entered: what the export can do, the commands and their
// flags, the errors, and the flags of an extent.

/// What an export can do, as a client is told at the end of the handshake.
@frozen
public struct TransmissionFlags: OptionSet, Sendable, Hashable {
  public let rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Always there: an ``ExportDescription`` sets it.
  public static let hasFlags = TransmissionFlags(rawValue: 1 << 0)
  public static let readOnly = TransmissionFlags(rawValue: 1 << 1)
  public static let sendFlush = TransmissionFlags(rawValue: 1 << 2)
  public static let sendFUA = TransmissionFlags(rawValue: 1 << 3)
  public static let rotational = TransmissionFlags(rawValue: 1 << 4)
  public static let sendTrim = TransmissionFlags(rawValue: 1 << 5)
  public static let sendWriteZeroes = TransmissionFlags(rawValue: 1 << 6)
  /// Set by the negotiation, and only where structured replies are on.
  public static let sendDoNotFragment = TransmissionFlags(rawValue: 1 << 7)
  public static let canMultiConnect = TransmissionFlags(rawValue: 1 << 8)
  public static let sendCache = TransmissionFlags(rawValue: 1 << 10)
  public static let sendFastZero = TransmissionFlags(rawValue: 1 << 11)
}

/// What a request asks for.
@frozen
public enum Command: UInt16, Sendable, Hashable, CaseIterable {
  case read = 0
  case write = 1
  case disconnect = 2
  case flush = 3
  case trim = 4
  case cache = 5
  case writeZeroes = 6
  case blockStatus = 7
}

/// How a request wants to be served.
@frozen
public struct CommandFlags: OptionSet, Sendable, Hashable {
  public let rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The reply waits until what was written is on stable storage. Allowed with each command of an export that offers
  /// it, and without meaning for those that do not write.
  public static let fua = CommandFlags(rawValue: 1 << 0)
  /// Write zeroes without making a hole.
  public static let noHole = CommandFlags(rawValue: 1 << 1)
  /// Answer a read with one chunk of content.
  public static let doNotFragment = CommandFlags(rawValue: 1 << 2)
  /// Answer a block status request with one extent.
  public static let oneExtent = CommandFlags(rawValue: 1 << 3)
  /// Write zeroes only if that is faster than writing data.
  public static let fastZero = CommandFlags(rawValue: 1 << 4)
}

/// An error as the protocol numbers it, whatever the system's own numbers are.
@frozen
public enum NBDError: UInt32, Error, Sendable, Hashable, CaseIterable {
  case permission = 1
  case io = 5
  case noMemory = 12
  case invalid = 22
  case noSpace = 28
  case overflow = 75
  case notSupported = 95
  case shutdown = 108
}

/// What the context `base:allocation` says of an extent.
@frozen
public struct ExtentFlags: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Nothing is allocated: writing may find no space.
  public static let hole = ExtentFlags(rawValue: 1 << 0)
  /// It reads as zeroes.
  public static let zero = ExtentFlags(rawValue: 1 << 1)
}

/// A run of bytes that have the same flags.
@frozen
public struct Extent: Sendable, Hashable {
  /// In bytes, never 0.
  public var length: UInt32
  public var flags: ExtentFlags

  @inlinable
  public init(length: UInt32, flags: ExtentFlags) {
    self.length = length
    self.flags = flags
  }
}
