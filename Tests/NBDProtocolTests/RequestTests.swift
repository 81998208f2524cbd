// The head of a request, against bytes written out by hand.

import NBDProtocol
import Testing

@Suite struct RequestTests {
  private static let bytes: [UInt8] = [
    0x25, 0x60, 0x95, 0x13, 0x00, 0x03, 0x00, 0x06, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
    0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10, 0x80, 0x01, 0x02, 0x03,
  ]

  @Test func everyFieldIsReadWhereTheSpecificationPutsIt() {
    let request = Self.bytes.withUnsafeBytes { Request($0) }
    #expect(
      request
        == Request(
          flags: [.fua, .noHole], type: 6, cookie: 0x0123_4567_89ab_cdef,
          offset: 0xfedc_ba98_7654_3210, length: 0x8001_0203))
  }
}
