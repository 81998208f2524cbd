// A whole handshake, cut into pieces in every way that matters: what comes back does not depend on it, and not a byte of
// the transmission phase is taken.

import NBDProtocol
import Testing

@Suite struct FragmentationTests {
  private static let options: [[UInt8]] = [
    option(5), option(8), option(3), option(99, Array("unknown".utf8)),
    option(6, informationRequest("large", [1, 2, 3])),
    option(9, contextQueries("disk", [])),
    option(10, contextQueries("disk", ["base:allocation"])),
    option(7, counted("disk") + [0]),
    option(7, informationRequest("disk", [3])),
  ]
  /// Looks like options, so that a negotiation that takes too much is seen to answer it.
  private static let requests = option(3) + option(8)
  private static let stream = number32(3) + options.joined() + requests

  private static func whole() -> Client {
    var client = Client(flags: nil)
    _ = client.send(number32(3))
    for option in options { _ = client.send(option) }
    return client
  }

  private static let session = Session(
    export: Exports.disk, structuredReplies: true, allocationContext: 1)

  @Test(arguments: Array(1...64) + [.max])
  func piecesOfAnyLengthComeToTheSame(_ length: Int) {
    var client = Client(flags: nil)
    #expect(client.send(Self.stream, pieces: length) == .transmission(Self.session))
    #expect(client.received == Self.whole().received)
    #expect(client.unconsumed == Self.requests)
  }

  @Test func aCutAtAnyPlaceComesToTheSame() {
    let expected = Self.whole().received
    for cut in 1..<Self.stream.count {
      var client = Client(flags: nil)
      var outcome = client.send(Array(Self.stream[..<cut]))
      outcome = client.send(Array(Self.stream[cut...]))
      #expect(outcome == .transmission(Self.session), "cut at \(cut)")
      #expect(client.received == expected, "cut at \(cut)")
      #expect(client.unconsumed == Self.requests, "cut at \(cut)")
    }
  }

  @Test func aCallTakesOneOptionAtMost() {
    var negotiation = Negotiation()
    var replies: [UInt8] = []
    let bytes = number32(3) + option(8) + option(8)
    let (consumed, outcome) = bytes.withUnsafeBytes {
      negotiation.receive($0, catalog: Exports(), replies: &replies)
    }
    #expect(consumed == 4 + 16)
    #expect(outcome == .needsMore)
    #expect(replies.count == 20)
  }

  @Test func noBytesChangeNothing() {
    var negotiation = Negotiation()
    var replies: [UInt8] = [1]
    let (consumed, outcome) = negotiation.receive(
      UnsafeRawBufferPointer(start: nil, count: 0), catalog: Exports(), replies: &replies)
    #expect(consumed == 0)
    #expect(outcome == .needsMore)
    #expect(replies == [1])
  }

  @Test func repliesAreAppendedToWhatIsThere() {
    var client = Client()
    client.received = [1, 2, 3]
    _ = client.send(option(8))
    #expect(client.received == [1, 2, 3] + hex("0003e889045565a9 00000008 00000001 00000000"))
  }
}
