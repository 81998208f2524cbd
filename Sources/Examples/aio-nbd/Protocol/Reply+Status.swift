// The chunks of a reply that vary in size: an error with a message, and the extents of a block status.

extension Reply {
  /// A chunk that says what went wrong, and where in the export if an offset is given. At most ``maximumErrorSize``
  /// bytes.
  ///
  /// - Parameter message: for people; cut where it is longer than ``maximumMessageLength`` bytes.
  public static func error(
    _ error: NBDError, _ message: String, offset: UInt64? = nil, cookie: UInt64,
    isLast: Bool, to target: UnsafeMutableRawPointer
  ) -> Int {
    var message = message
    let length = message.withUTF8 { text in
      let length = wholeScalars(of: text, within: maximumMessageLength)
      if length > 0 {
        (target + chunkSize + 6).copyMemory(from: text.baseAddress!, byteCount: length)
      }
      return length
    }
    target.storeBigEndian(error.rawValue, at: chunkSize)
    target.storeBigEndian(UInt16(length), at: chunkSize + 4)
    var payload = 6 + length
    if let offset {
      target.storeBigEndian(offset, at: chunkSize + payload)
      payload += 8
    }
    _ = chunk(
      offset == nil ? .error : .errorOffset, isLast: isLast, cookie: cookie,
      length: UInt32(payload), to: target)
    return chunkSize + payload
  }

  /// A chunk that says what an area consists of, as a metadata context sees it: ``blockStatusSize(extents:)`` bytes.
  ///
  /// Traps if there is no extent, or an empty one, for such a chunk may not be sent.
  public static func blockStatus(
    contextID: UInt32, extents: some Collection<Extent>, cookie: UInt64, isLast: Bool,
    to target: UnsafeMutableRawPointer
  ) -> Int {
    var size = chunkSize
    target.storeBigEndian(contextID, at: size)
    size += 4
    for extent in extents {
      precondition(extent.length > 0, "a block status has an empty extent")
      target.storeBigEndian(extent.length, at: size)
      target.storeBigEndian(extent.flags.rawValue, at: size + 4)
      size += 8
    }
    precondition(size > chunkSize + 4, "a block status has no extent")
    _ = chunk(
      .blockStatus, isLast: isLast, cookie: cookie, length: UInt32(size - chunkSize), to: target)
    return size
  }

  /// How much of a text fits without cutting through a character's bytes.
  private static func wholeScalars(of text: UnsafeBufferPointer<UInt8>, within limit: Int) -> Int {
    if text.count <= limit { return text.count }
    var end = limit
    while end > 0, text[end] & 0xc0 == 0x80 { end -= 1 }
    return end
  }
}
