// Writers of replies. Each writes a header into memory that the caller has room for, and says how many bytes it took;
// none allocates. The data of a read is the caller's to put behind its header.
//
// A reply is one simple reply, or chunks of which the last one is marked so. Chunks are for sessions with structured
// replies only.

/// Replies of the transmission phase, written into raw memory of any alignment.
public enum Reply {
  /// The sizes of the headers, in bytes.
  public static let simpleSize = 16
  public static let chunkSize = 20
  /// Without the data.
  public static let dataHeaderSize = chunkSize + 8
  public static let holeSize = chunkSize + 12
  public static let noneSize = chunkSize
  /// Longer messages are cut.
  public static let maximumMessageLength = 256
  public static let maximumErrorSize = chunkSize + 6 + maximumMessageLength + 8

  /// The size of a block status chunk.
  public static func blockStatusSize(extents: Int) -> Int { chunkSize + 4 + 8 * extents }

  /// What the payload of a chunk is.
  public enum ChunkType: UInt16, Sendable {
    case none = 0
    case offsetData = 1
    case offsetHole = 2
    case blockStatus = 5
    case error = 0x8001
    case errorOffset = 0x8002
  }

  /// A simple reply. The data of a successful read follows it.
  public static func simple(
    _ error: NBDError?, cookie: UInt64, to target: UnsafeMutableRawPointer
  ) -> Int {
    target.storeBigEndian(Magic.simpleReply, at: 0)
    target.storeBigEndian(error?.rawValue ?? 0, at: 4)
    target.storeBigEndian(cookie, at: 8)
    return simpleSize
  }

  /// The header of a chunk.
  ///
  /// - Parameter length: of the payload that follows, in bytes.
  public static func chunk(
    _ type: ChunkType, isLast: Bool, cookie: UInt64, length: UInt32,
    to target: UnsafeMutableRawPointer
  ) -> Int {
    target.storeBigEndian(Magic.structuredReply, at: 0)
    target.storeBigEndian(UInt16(isLast ? 1 : 0), at: 4)
    target.storeBigEndian(type.rawValue, at: 6)
    target.storeBigEndian(cookie, at: 8)
    target.storeBigEndian(length, at: 16)
    return chunkSize
  }

  /// The header of a chunk of data that was read; `count` bytes of data follow it.
  ///
  /// Traps if `count` is 0, for such a chunk may not be sent.
  public static func dataHeader(
    offset: UInt64, count: UInt32, cookie: UInt64, isLast: Bool, to target: UnsafeMutableRawPointer
  ) -> Int {
    precondition(count > 0, "a chunk of data has no data")
    let size = chunk(.offsetData, isLast: isLast, cookie: cookie, length: 8 + count, to: target)
    target.storeBigEndian(offset, at: size)
    return dataHeaderSize
  }

  /// A chunk that says that a part of a read is zeroes.
  ///
  /// Traps if `count` is 0, for such a chunk may not be sent.
  public static func hole(
    offset: UInt64, count: UInt32, cookie: UInt64, isLast: Bool, to target: UnsafeMutableRawPointer
  ) -> Int {
    precondition(count > 0, "a hole has no bytes")
    let size = chunk(.offsetHole, isLast: isLast, cookie: cookie, length: 12, to: target)
    target.storeBigEndian(offset, at: size)
    target.storeBigEndian(count, at: size + 8)
    return holeSize
  }

  /// The last chunk of a reply, with nothing in it: success, if no error came before.
  public static func none(cookie: UInt64, to target: UnsafeMutableRawPointer) -> Int {
    chunk(.none, isLast: true, cookie: cookie, length: 0, to: target)
  }
}
