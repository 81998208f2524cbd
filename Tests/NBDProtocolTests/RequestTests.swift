// The head of a request, against bytes written out by hand.

import NBDProtocol
import Testing

@Suite struct RequestTests {
  private static let bytes = hex(
    "25609513 0003 0006 0123456789abcdef fedcba9876543210 80010203")

  @Test func everyFieldIsReadWhereTheSpecificationPutsIt() {
    let request = Self.bytes.withUnsafeBytes { Request($0) }
    #expect(
      request
        == Request(
          flags: [.fua, .noHole], type: 6, cookie: 0x0123_4567_89ab_cdef,
          offset: 0xfedc_ba98_7654_3210, length: 0x8001_0203))
  }

  @Test(arguments: 0...8)
  func aRequestMayLieAtAnyAddressWithOthersBehindIt(_ offset: Int) {
    let bytes = Array(repeating: 0x5a, count: offset) + Self.bytes + Self.bytes
    let request = bytes.withUnsafeBytes { Request(UnsafeRawBufferPointer(rebasing: $0[offset...])) }
    #expect(request == Self.bytes.withUnsafeBytes { Request($0) })
    #expect(request?.length == 0x8001_0203)
  }

  @Test(arguments: 0..<32)
  func aWrongBitInTheMagicNumberMakesItNoRequest(_ bit: Int) {
    var bytes = Self.bytes
    bytes[bit / 8] ^= 1 << (bit % 8)
    #expect(bytes.withUnsafeBytes { Request($0) } == nil)
  }

  @Test func fewerBytesThanARequestTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = [UInt8](repeating: 0x25, count: 27).withUnsafeBytes { Request($0) }
    }
    expectSentence("a request was parsed from fewer than 28 bytes", in: result)
  }
}
