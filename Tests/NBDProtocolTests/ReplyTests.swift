// Replies of the transmission phase, against bytes written out by hand, at any address, and not a byte beyond their
// size.

import NBDProtocol
import Testing

@Suite struct ReplyTests {
  private static let cookie: UInt64 = 0x0123_4567_89ab_cdef

  /// What a writer writes, and only that: the memory around it is checked.
  private static func written(
    at offset: Int = 1, _ write: (UnsafeMutableRawPointer) -> Int
  ) -> [UInt8] {
    var memory = [UInt8](repeating: 0xa5, count: 1024)
    let size = memory.withUnsafeMutableBytes { write($0.baseAddress! + offset) }
    #expect(memory[..<offset].allSatisfy { $0 == 0xa5 })
    #expect(memory[(offset + size)...].allSatisfy { $0 == 0xa5 })
    return Array(memory[offset..<offset + size])
  }

  @Test(arguments: 0...8)
  func aSimpleReplyOfSuccess(_ offset: Int) {
    #expect(
      Self.written(at: offset) { Reply.simple(nil, cookie: Self.cookie, to: $0) }
        == hex("67446698 00000000 0123456789abcdef"))
  }

  @Test(arguments: [
    (NBDError.permission, 1), (.io, 5), (.noMemory, 12), (.invalid, 22), (.noSpace, 28),
    (.overflow, 75), (.notSupported, 95), (.shutdown, 108),
  ])
  func anErrorHasTheNumberOfTheSpecification(_ error: NBDError, _ number: Int) {
    #expect(
      Self.written { Reply.simple(error, cookie: Self.cookie, to: $0) }
        == hex("67446698") + number32(number) + hex("0123456789abcdef"))
  }

  @Test(arguments: 0...8)
  func theHeaderOfData(_ offset: Int) {
    let bytes = Self.written(at: offset) {
      Reply.dataHeader(
        offset: 0x1122_3344_5566_7788, count: 0x0200_0000, cookie: Self.cookie, isLast: false,
        to: $0)
    }
    #expect(bytes == hex("668e33ef 0000 0001 0123456789abcdef 02000008 1122334455667788"))
    #expect(bytes.count == Reply.dataHeaderSize)
  }

  @Test func theLastChunkIsMarked() {
    #expect(
      Self.written {
        Reply.dataHeader(offset: 0, count: 1, cookie: Self.cookie, isLast: true, to: $0)
      } == hex("668e33ef 0001 0001 0123456789abcdef 00000009 0000000000000000"))
    #expect(
      Self.written {
        Reply.chunk(.blockStatus, isLast: false, cookie: Self.cookie, length: 12, to: $0)
      } == hex("668e33ef 0000 0005 0123456789abcdef 0000000c"))
  }

  @Test func aHole() {
    let bytes = Self.written {
      Reply.hole(
        offset: 0x1122_3344_5566_7788, count: 0x8000_0001, cookie: Self.cookie, isLast: true,
        to: $0)
    }
    #expect(
      bytes == hex("668e33ef 0001 0002 0123456789abcdef 0000000c 1122334455667788 80000001"))
    #expect(bytes.count == Reply.holeSize)
  }

  @Test func nothing() {
    let bytes = Self.written { Reply.none(cookie: Self.cookie, to: $0) }
    #expect(bytes == hex("668e33ef 0001 0000 0123456789abcdef 00000000"))
    #expect(bytes.count == Reply.noneSize)
  }

  @Test func anErrorWithAMessage() {
    #expect(
      Self.written {
        Reply.error(.noSpace, "disk full", cookie: Self.cookie, isLast: true, to: $0)
      } == hex("668e33ef 0001 8001 0123456789abcdef 0000000f 0000001c 0009") + "disk full".utf8)
  }

  @Test func anErrorAtAnOffset() {
    #expect(
      Self.written {
        Reply.error(
          .io, "bad", offset: 0x1122_3344_5566_7788, cookie: Self.cookie, isLast: false, to: $0)
      } == hex("668e33ef 0000 8002 0123456789abcdef 00000011 00000005 0003") + "bad".utf8
        + hex("1122334455667788"))
  }

  @Test func anErrorWithoutAMessage() {
    #expect(
      Self.written { Reply.error(.io, "", cookie: Self.cookie, isLast: true, to: $0) }
        == hex("668e33ef 0001 8001 0123456789abcdef 00000006 00000005 0000"))
  }

  @Test(arguments: [
    (String(repeating: "m", count: 256), 256), (String(repeating: "m", count: 257), 256),
    (String(repeating: "m", count: 70000), 256), ("m" + String(repeating: "é", count: 128), 255),
    ("mm" + String(repeating: "€", count: 100), 254),
    ("m" + String(repeating: "😀", count: 64), 253),
    (String(repeating: "😀", count: 64), 256),
  ])
  func aLongMessageIsCutBetweenCharacters(_ message: String, _ length: Int) {
    for offset in [nil, 7] as [UInt64?] {
      let bytes = Self.written {
        Reply.error(.io, message, offset: offset, cookie: Self.cookie, isLast: true, to: $0)
      }
      let tail = offset == nil ? [] : hex("0000000000000007")
      #expect(bytes.count <= Reply.maximumErrorSize)
      #expect(Array(bytes[16..<20]) == number32(6 + length + tail.count))
      #expect(Array(bytes[24..<26]) == number16(length))
      #expect(Array(bytes[26...]) == Array(message.utf8.prefix(length)) + tail)
    }
    #expect(Reply.maximumErrorSize == 20 + 6 + 256 + 8)
  }

  @Test func extents() {
    let extents = [
      Extent(length: 0x0001_0000, flags: []), Extent(length: 0xffff_ffff, flags: [.hole, .zero]),
      Extent(length: 512, flags: .zero),
    ]
    let bytes = Self.written {
      Reply.blockStatus(
        contextID: 0x0102_0304, extents: extents, cookie: Self.cookie, isLast: true, to: $0)
    }
    #expect(
      bytes
        == hex(
          """
          668e33ef 0001 0005 0123456789abcdef 0000001c 01020304
          00010000 00000000 ffffffff 00000003 00000200 00000002
          """))
    #expect(bytes.count == Reply.blockStatusSize(extents: 3))
  }

  @Test func dataWithoutDataTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Self.written { Reply.dataHeader(offset: 0, count: 0, cookie: 0, isLast: true, to: $0) }
    }
    expectSentence("a chunk of data has no data", in: result)
  }

  @Test func aHoleWithoutBytesTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Self.written { Reply.hole(offset: 0, count: 0, cookie: 0, isLast: true, to: $0) }
    }
    expectSentence("a hole has no bytes", in: result)
  }

  @Test func aBlockStatusWithoutExtentsTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Self.written {
        Reply.blockStatus(contextID: 1, extents: [], cookie: 0, isLast: true, to: $0)
      }
    }
    expectSentence("a block status has no extent", in: result)
  }

  @Test func anEmptyExtentTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Self.written {
        Reply.blockStatus(
          contextID: 1, extents: [Extent(length: 0, flags: [])], cookie: 0, isLast: true, to: $0)
      }
    }
    expectSentence("a block status has an empty extent", in: result)
  }
}
