// Options and the replies to them, against bytes written out by hand.

import NBDProtocol
import Testing

@Suite struct OptionTests {
  private static let replyMagic = "0003e889045565a9"

  @Test func aListNamesEachExportWithItsDescription() {
    var client = Client()
    #expect(client.send(option(3)) == .needsMore)
    #expect(
      client.takeBytes()
        == hex("\(Self.replyMagic) 00000003 00000002 0000000e 00000004") + "diska disk".utf8
        + hex("\(Self.replyMagic) 00000003 00000002 00000009 00000005") + "large".utf8
        + hex("\(Self.replyMagic) 00000003 00000001 00000000"))
  }

  @Test func aListOfNothingIsAcknowledged() {
    var client = Client(Exports())
    #expect(client.ask(3) == [OptionAnswer(option: 3, type: .acknowledgement, data: [])])
  }

  @Test(arguments: [3, 8])
  func dataWhereAnOptionHasNoneIsInvalid(_ code: Int) {
    var client = Client()
    let answer = OptionAnswer(
      option: code, type: .invalid, data: Array("the option has no data".utf8))
    #expect(client.ask(code, [0]) == [answer])
    // And it did nothing: metadata contexts need structured replies.
    #expect(client.ask(9, contextQueries("disk", [])).map(\.type) == [.invalid])
  }

  @Test(arguments: [0, 4, 5, 11, 12, 255, 0x8000_0000, 0xffff_ffff])
  func whatIsNotSupportedIsAnsweredSo(_ code: Int) {
    var client = Client()
    let answer = OptionAnswer(
      option: code, type: .unsupported, data: Array("the option is not supported".utf8))
    #expect(client.ask(code) == [answer])
    #expect(client.ask(code, [1, 2, 3]) == [answer])
    #expect(client.ask(3).last?.type == .acknowledgement)
  }

  @Test func structuredRepliesAreAcknowledgedHoweverOftenAskedFor() {
    var client = Client()
    for _ in 0..<2 {
      #expect(client.send(option(8)) == .needsMore)
      #expect(client.takeBytes() == hex("\(Self.replyMagic) 00000008 00000001 00000000"))
    }
  }

  @Test func structuredRepliesBringTheFlagForReadsInOnePiece() {
    var client = Client()
    _ = client.ask(8)
    let outcome = client.send(option(1, Array("disk".utf8)))
    #expect(client.takeBytes() == hex("0000000102030000 00ad"))
    guard case .transmission(let session) = outcome else {
      Issue.record("no export was entered")
      return
    }
    #expect(session.structuredReplies)
    #expect(session.export.flags.contains(.sendDoNotFragment))
    #expect(session.allocationContext == nil)
  }

  @Test(arguments: [6, 7])
  func allInformationIsGivenInTheWordsOfTheSpecification(_ code: Int) {
    var client = Client()
    let outcome = client.send(option(code, informationRequest("disk", [1, 2, 3])))
    let head = Self.replyMagic + number32(code).map { $0 < 16 ? "0\($0)" : "\($0)" }.joined()
    #expect(
      client.takeBytes()
        == hex("\(head) 00000003 0000000c 0000 0000000102030000 002d")
        + hex("\(head) 00000003 00000006 0001") + "disk".utf8
        + hex("\(head) 00000003 00000008 0002") + "a disk".utf8
        + hex("\(head) 00000003 0000000e 0003 00000001 00001000 02000000")
        + hex("\(head) 00000001 00000000"))
    let session = Session(
      export: Exports.disk, structuredReplies: false, allocationContext: nil)
    #expect(outcome == (code == 7 ? .transmission(session) : .needsMore))
  }

  @Test(arguments: [6, 7])
  func theExportIsDescribedEvenIfNothingIsAskedFor(_ code: Int) {
    var client = Client()
    let answers = client.ask(code, informationRequest(""))
    #expect(answers.map(\.type) == [.info, .acknowledgement])
    #expect(answers[0].data == hex("0000 0000000102030000 002d"))
  }

  @Test func eachKindOfInformationIsGivenOnceAndUnknownOnesAreIgnored() {
    var client = Client()
    let answers = client.ask(6, informationRequest("disk", [1, 0, 77, 1, 0xffff, 0, 1]))
    #expect(answers.map(\.type) == [.info, .info, .acknowledgement])
    #expect(answers.map { $0.data.prefix(2) } == [[0, 0], [0, 1], []])
  }

  @Test func anEmptyDescriptionIsNotGiven() {
    var client = Client()
    #expect(
      client.ask(6, informationRequest("large", [2])).map(\.type) == [.info, .acknowledgement])
  }

  @Test func theNameThatIsGivenIsTheExportsOwn() {
    var client = Client()
    #expect(client.ask(6, informationRequest("", [1]))[1].data == hex("0001") + "disk".utf8)
  }

  @Test(arguments: [6, 7])
  func anUnknownExportIsAnErrorAndNotTheEnd(_ code: Int) {
    var client = Client()
    let answer = OptionAnswer(
      option: code, type: .unknownExport, data: Array("there is no such export".utf8))
    #expect(client.ask(code, informationRequest("nosuch", [3])) == [answer])
    #expect(client.ask(3).last?.type == .acknowledgement)
  }

  @Test func largeBlocksHaveToBeAskedForBeforeTheExportIsEntered() {
    var client = Client()
    let answers = client.ask(7, informationRequest("large"))
    #expect(answers.map(\.type) == [.info, .info, .blockSizeRequired])
    #expect(answers[1].data == hex("0003 00001000 00010000 00100000"))
    // Being told unasked is not asking.
    #expect(client.ask(7, informationRequest("large")).last?.type == .blockSizeRequired)
    // Nor is asking for those of another export.
    #expect(client.ask(6, informationRequest("disk", [3])).last?.type == .acknowledgement)
    #expect(client.ask(7, informationRequest("large")).last?.type == .blockSizeRequired)
    // NBD_OPT_INFO needs no asking.
    #expect(
      client.ask(6, informationRequest("large")).map(\.type) == [.info, .acknowledgement])
    #expect(client.ask(6, informationRequest("large", [3])).last?.type == .acknowledgement)
    #expect(client.ask(7, informationRequest("large")).last?.type == .acknowledgement)
  }

  @Test func blocksOfASectorNeedNoAsking() {
    let sectors = ExportDescription(name: "sectors", size: 1 << 20, flags: [], minimumBlock: 512)
    var client = Client(Exports(sectors))
    #expect(client.ask(7, informationRequest("")).map(\.type) == [.info, .acknowledgement])
  }

  /// What is no well-formed request for information, each with what is wrong with it.
  private static let malformed: [[UInt8]] = [
    [],  // nothing
    hex("000000"),  // half a length
    hex("00000004"),  // no name
    number32(5) + "disk".utf8 + hex("0000"),  // a name one byte too long: the count lacks a byte
    number32(3) + "disk".utf8 + hex("0000"),  // a name one byte too short
    counted("disk"),  // no count
    counted("disk") + hex("00"),  // half a count
    counted("disk") + hex("0001"),  // a request too few
    counted("disk") + hex("0002 0001 00"),  // half a request
    counted("disk") + hex("0000 0001"),  // a request too many
    counted("disk") + hex("0001 0001 00"),  // a byte too many
    hex("ffffffff") + "disk".utf8 + hex("0000"),  // a length beyond all
    hex("7fffffff") + "disk".utf8 + hex("0000"),
    hex("00000002 c328 0000"),  // no UTF-8
    hex("00000001 00 0000"),  // a NUL
    number32(4097) + Array(repeating: 0x61, count: 4097) + hex("0000"),  // a name too long
  ]

  @Test(arguments: malformed, [6, 7])
  func lengthsThatContradictEachOtherAndStringsThatAreNoneAreInvalid(_ data: [UInt8], _ code: Int) {
    var client = Client()
    let answer = OptionAnswer(
      option: code, type: .invalid,
      data: Array("the option's lengths or strings are not valid".utf8))
    #expect(client.ask(code, data) == [answer])
    #expect(client.ask(3).last?.type == .acknowledgement)
  }

  @Test func aNameOf4096BytesIsAName() {
    let name = String(repeating: "é", count: 2048)
    var client = Client(Exports(ExportDescription(name: name, size: 512, flags: [])))
    #expect(client.ask(6, informationRequest(name, [1]))[1].data == hex("0001") + name.utf8)
    #expect(client.ask(7, informationRequest(name)).last?.type == .acknowledgement)
  }
}
