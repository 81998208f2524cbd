// What the handshake has to know of exports: a description of each, and where to look them up. The catalog is asked
// anew for each option, so exports may come and go while a client haggles.

/// What a client is told of an export.
public struct ExportDescription: Sendable, Hashable {
  /// The longest string of the protocol, in bytes of UTF-8.
  public static let maximumStringLength = 4096

  public let name: String
  /// For people. Empty: there is none.
  public let description: String
  /// In bytes. What lies beyond the last whole minimum block cannot be reached.
  public let size: UInt64
  /// Without `sendDoNotFragment`, which is up to the negotiation; in a ``Session``, as the client was told. Without
  /// `sendFastZero` where there is no `sendWriteZeroes`.
  public internal(set) var flags: TransmissionFlags
  /// In bytes; offset and length of each request are multiples of it.
  public let minimumBlock: UInt32
  /// In bytes; requests that are multiples of it are served best.
  public let preferredBlock: UInt32
  /// In bytes; the longest read and write.
  public let maximumPayload: UInt32

  /// Traps if a string is none that the protocol can carry (see ``canCarry(_:)``) or if the sizes contradict each
  /// other.
  public init(
    name: String, description: String = "", size: UInt64, flags: TransmissionFlags,
    minimumBlock: UInt32 = 1, preferredBlock: UInt32 = 4096, maximumPayload: UInt32 = 32 << 20
  ) {
    precondition(
      Self.canCarry(name) && Self.canCarry(description),
      "the name or the description of an export has a NUL or more than 4096 bytes")
    precondition(
      minimumBlock.nonzeroBitCount == 1 && minimumBlock <= 65536,
      "the minimum block of an export is no power of two up to 65536")
    precondition(
      preferredBlock.nonzeroBitCount == 1 && preferredBlock >= max(512, minimumBlock),
      "the preferred block of an export is no power of two from 512 and its minimum block up")
    precondition(
      maximumPayload >= preferredBlock && maximumPayload % minimumBlock == 0,
      "the maximum payload of an export is below its preferred block or no multiple of its minimum")
    self.name = name
    self.description = description
    self.size = size
    var flags = flags.union(.hasFlags).subtracting(.sendDoNotFragment)
    if !flags.contains(.sendWriteZeroes) { flags.remove(.sendFastZero) }
    self.flags = flags
    self.minimumBlock = minimumBlock
    self.preferredBlock = preferredBlock
    self.maximumPayload = maximumPayload
  }

  /// Whether the protocol has room for a string: no NUL in it, and at most 4096 bytes of UTF-8.
  public static func canCarry(_ string: String) -> Bool {
    string.utf8.count <= maximumStringLength && !string.utf8.contains(0)
  }
}

/// Where the handshake looks exports up.
public protocol ExportCatalog {
  /// In the order in which a client is to see them.
  var names: [String] { get }

  /// The export that a client means by a name, or nil if there is none. "" means the default export.
  func export(named name: String) -> ExportDescription?
}
