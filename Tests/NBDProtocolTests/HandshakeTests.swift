// The start and the end of a handshake, against bytes written out by hand: the greeting, the client's flags, entering an
// export by its name alone, and leaving.

import NBDProtocol
import Testing

@Suite struct HandshakeTests {
  @Test func theGreetingOffersFixedNewstyleWithoutZeroes() {
    #expect(Negotiation().greeting() == hex("4e42444d41474943 49484156454f5054 0003"))
  }

  @Test(arguments: [4, 7, 1 << 16, 0x8000_0001, 0xffff_ffff])
  func aFlagThatIsNotKnownEndsTheConnection(_ flags: Int) {
    var client = Client(flags: nil)
    #expect(
      client.send(number32(flags)) == .closed(reason: "the client set an unknown flag"))
    #expect(client.received.isEmpty)
  }

  @Test(arguments: [0, 1, 2, 3])
  func theZeroesFollowAnExportUnlessTheClientDoesWithout(_ flags: Int) {
    var client = Client(flags: flags)
    let outcome = client.send(option(1, Array("disk".utf8)))
    let session = Session(
      export: Exports.disk, structuredReplies: false, allocationContext: nil)
    #expect(outcome == .transmission(session))
    let head = hex("0000000102030000 002d")
    #expect(
      client.takeBytes() == head + Array(repeating: 0, count: flags & 2 == 0 ? 124 : 0))
  }

  @Test func theEmptyNameEntersTheDefaultExport() {
    var client = Client()
    guard case .transmission(let session) = client.send(option(1)) else {
      Issue.record("no export was entered")
      return
    }
    #expect(session.export.name == "disk")
  }

  @Test func anExportThatIsNotThereEndsTheConnectionAndIsNamedInOneLineOfASCII() {
    var client = Client()
    let outcome = client.send(option(1, Array("no\nsuch\u{202e} dísk".utf8)))
    #expect(
      outcome == .closed(reason: #"there is no export 'no\nsuch\u{202E} d\u{00ED}sk'"#))
    #expect(client.received.isEmpty)
  }

  @Test func aLongNameIsCutInTheReason() {
    var client = Client()
    let outcome = client.send(option(1, Array(repeating: UInt8(ascii: "n"), count: 4096)))
    let shown = String(repeating: "n", count: 64)
    #expect(outcome == .closed(reason: "there is no export '\(shown)'"))
  }

  @Test(arguments: [[0xff], [0x61, 0x00], Array(repeating: 0x61, count: 4097)] as [[UInt8]])
  func aNameThatIsNoneEndsTheConnection(_ name: [UInt8]) {
    var client = Client()
    #expect(client.send(option(1, name)) == .closed(reason: "the name of an export is none"))
    #expect(client.received.isEmpty)
  }

  @Test func byNameAloneNobodyEntersAnExportOfLargeBlocksUnlessToldOfThem() {
    var client = Client()
    #expect(
      client.send(option(1, Array("large".utf8)))
        == .closed(reason: "the client did not ask for the block size of the export"))
    client = Client()
    _ = client.ask(6, informationRequest("large", [3]))
    guard case .transmission = client.send(option(1, Array("large".utf8))) else {
      Issue.record("no export was entered")
      return
    }
  }

  @Test func anAbortIsAcknowledgedAndLeavesNoReason() {
    var client = Client()
    #expect(client.send(option(2)) == .closed(reason: nil))
    #expect(client.takeBytes() == hex("0003e889045565a9 00000002 00000001 00000000"))
  }

  @Test func anAbortWithDataIsAnAbort() {
    var client = Client()
    #expect(client.send(option(2, [1, 2, 3])) == .closed(reason: nil))
    #expect(client.takeAnswers() == [OptionAnswer(option: 2, type: .acknowledgement, data: [])])
    #expect(client.unconsumed.isEmpty)
  }

  @Test func anOptionWithoutItsMagicNumberEndsTheConnection() {
    var client = Client()
    #expect(
      client.send(hex("49484156454f5055 00000003 00000000"))
        == .closed(reason: "an option does not start with its magic number"))
    #expect(client.received.isEmpty)
  }

  @Test func whatIsOverStaysOver() {
    var client = Client()
    let closed = client.send(option(2))
    #expect(client.send(option(3)) == closed)
    #expect(client.unconsumed == option(3))
    #expect(client.takeAnswers().count == 1)

    client = Client()
    let entered = client.send(option(1))
    _ = client.takeBytes()
    #expect(client.send(option(1)) == entered)
    #expect(client.unconsumed == option(1))
    #expect(client.received.isEmpty)
  }

  @Test func aServerThatShutsDownSaysSoToEachOptionButAnAbort() {
    for code in [3, 4, 5, 6, 7, 8, 9, 10, 11, 99] {
      var client = Client(isShuttingDown: true)
      let answer = OptionAnswer(
        option: code, type: .shutdown, data: Array("the server is shutting down".utf8))
      #expect(client.ask(code, informationRequest("disk")) == [answer])
      #expect(client.send(option(2)) == .closed(reason: nil))
      #expect(
        client.takeAnswers() == [OptionAnswer(option: 2, type: .acknowledgement, data: [])])
    }
    var client = Client(isShuttingDown: true)
    #expect(client.send(option(1)) == .closed(reason: "the server is shutting down"))
  }

  @Test func aServerMayBeginToShutDownInTheMiddleOfAHandshake() {
    var client = Client()
    #expect(client.ask(8).map(\.type) == [.acknowledgement])
    client.negotiation.isShuttingDown = true
    #expect(client.ask(7, informationRequest("disk")).map(\.type) == [.shutdown])
  }
}
