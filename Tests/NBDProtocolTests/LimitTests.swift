// What a client may ask for before it has entered an export, and what becomes of one that asks for more.

import NBDProtocol
import Testing

@Suite struct LimitTests {
  private static func head(_ code: Int, length: Int) -> [UInt8] {
    hex("49484156454f5054") + number32(code) + number32(length)
  }

  @Test func anOptionOf64KiBIsRead() {
    var client = Client()
    #expect(client.ask(99, Array(repeating: 7, count: 65536)).map(\.type) == [.unsupported])
  }

  @Test(arguments: [65537, 1 << 20], [3, 7, 9, 99])
  func aLongerOptionIsSkippedAndTooBig(_ length: Int, _ code: Int) {
    var client = Client()
    let data = [UInt8](repeating: 0x49, count: length)
    // Nothing is replied before all of it was skipped.
    #expect(client.send(Self.head(code, length: length) + data.dropLast()) == .needsMore)
    #expect(client.received.isEmpty)
    #expect(client.send([0]) == .needsMore)
    let answer = OptionAnswer(
      option: code, type: .tooBig, data: Array("the option is too long".utf8))
    #expect(client.takeAnswers() == [answer])
    #expect(client.ask(3).last?.type == .acknowledgement)
  }

  @Test func aNameThatIsLongerStillEndsTheConnection() {
    var client = Client()
    #expect(
      client.send(option(1, Array(repeating: 0x61, count: 70000)))
        == .closed(reason: "the name of an export is too long"))
    #expect(client.received.isEmpty)
  }

  @Test func anAbortThatIsLongerStillIsAnAbort() {
    var client = Client()
    #expect(client.send(option(2, Array(repeating: 0x61, count: 70000))) == .closed(reason: nil))
    #expect(client.takeAnswers().map(\.type) == [.acknowledgement])
  }

  @Test(arguments: [(1 << 20) + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])
  func anOptionOfMoreThan1MiBEndsTheConnectionAtOnce(_ length: Int) {
    for code in [2, 3, 7, 99] {
      var client = Client()
      #expect(
        client.send(Self.head(code, length: length)) == .closed(reason: "an option is far too long")
      )
      #expect(client.received.isEmpty)
    }
  }

  @Test func aHandshakeHasAtMost128Options() {
    var client = Client()
    for _ in 0..<128 { #expect(client.send(option(8)) == .needsMore) }
    #expect(client.takeAnswers().count == 128)
    #expect(
      client.send(option(8)) == .closed(reason: "the client negotiates too many options"))
    #expect(client.received.isEmpty)
  }

  @Test func theLastOptionThatIsAllowedMayEnterAnExport() {
    var client = Client()
    for _ in 0..<127 { #expect(client.send(option(8)) == .needsMore) }
    guard case .transmission = client.send(option(7, informationRequest(""))) else {
      Issue.record("no export was entered")
      return
    }
  }

  @Test func aListIsCutWhereItIsTooLong() {
    var limits = Negotiation.Limits()
    // Room for the first export and not for the second: 20 + 4 + 4 + 6, and 20 + 4 + 5.
    limits.listLength = 34 + 28
    var client = Client(limits: limits)
    #expect(client.ask(3).map(\.type) == [.server, .tooBig])
    limits.listLength += 1
    client = Client(limits: limits)
    #expect(client.ask(3).map(\.type) == [.server, .server, .acknowledgement])
  }

  @Test func eachListHasItsOwnRoom() {
    var limits = Negotiation.Limits()
    limits.listLength = 63
    var client = Client(limits: limits)
    for _ in 0..<10 { #expect(client.ask(3).last?.type == .acknowledgement) }
  }

  @Test func aHandshakeThatIsRepliedTooMuchEndsWithTheReplyThatIsTooMuch() {
    var limits = Negotiation.Limits()
    // An acknowledgement has 20 bytes.
    limits.replyLength = 59
    var client = Client(limits: limits)
    #expect(client.send(option(8)) == .needsMore)
    // What was sent already counts too.
    client.received = []
    #expect(client.send(option(8)) == .needsMore)
    #expect(
      client.send(option(8))
        == .closed(reason: "the client asks for too much before it enters an export"))
    #expect(client.takeAnswers().count == 2)
  }

  @Test func anExportThatWasEnteredIsNotTooMuch() {
    var limits = Negotiation.Limits()
    limits.replyLength = 1
    var client = Client(limits: limits)
    guard case .transmission = client.send(option(7, informationRequest(""))) else {
      Issue.record("no export was entered")
      return
    }
  }
}
