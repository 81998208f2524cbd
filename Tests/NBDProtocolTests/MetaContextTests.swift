// Metadata contexts: listing them, selecting base:allocation, and what makes a selection void.

import NBDProtocol
import Testing

@Suite struct MetaContextTests {
  private static func client() -> Client {
    var client = Client()
    _ = client.ask(8)
    return client
  }

  /// The context that a client finds selected once it has entered an export.
  private static func contextAfterEntering(_ name: String, _ client: inout Client) -> UInt32?? {
    guard case .transmission(let session) = client.send(option(7, informationRequest(name, [3])))
    else { return nil }
    return .some(session.allocationContext)
  }

  @Test(arguments: [9, 10])
  func contextsNeedStructuredRepliesFirst(_ code: Int) {
    var client = Client()
    let answers = client.ask(code, contextQueries("disk", ["base:allocation"]))
    #expect(answers.map(\.type) == [.invalid])
    #expect(answers[0].text == "structured replies have to be negotiated first")
  }

  @Test(arguments: [
    [], ["base:"], ["base:allocation"], ["x-other:", "base:", "base:allocation", "base:"],
  ])
  func aListThatMatchesNamesTheContextOnceUnderTheNumber0(_ queries: [String]) {
    var client = Self.client()
    #expect(client.send(option(9, contextQueries("disk", queries))) == .needsMore)
    #expect(
      client.takeBytes()
        == hex("0003e889045565a9 00000009 00000004 00000013 00000000") + "base:allocation".utf8
        + hex("0003e889045565a9 00000009 00000001 00000000"))
    #expect(Self.contextAfterEntering("disk", &client) == .some(nil))
  }

  @Test func aSelectionNamesTheContextOnceUnderItsNumber() {
    var client = Self.client()
    let queries = contextQueries("disk", ["x-a:b", "base:allocation", "base:allocation"])
    #expect(client.send(option(10, queries)) == .needsMore)
    #expect(
      client.takeBytes()
        == hex("0003e889045565a9 0000000a 00000004 00000013 00000001") + "base:allocation".utf8
        + hex("0003e889045565a9 0000000a 00000001 00000000"))
    #expect(Self.contextAfterEntering("disk", &client) == .some(1))
  }

  @Test(
    arguments: [
      ["x-other:"], ["base:allocation2"], ["base:allocatio"], ["base:x"],
      ["BASE:ALLOCATION"], [":"],
    ], [9, 10])
  func whatMatchesNothingIsNoError(_ queries: [String], _ code: Int) {
    var client = Self.client()
    #expect(
      client.ask(code, contextQueries("disk", queries))
        == [OptionAnswer(option: code, type: .acknowledgement, data: [])])
    #expect(Self.contextAfterEntering("disk", &client) == .some(nil))
  }

  @Test(arguments: [[], ["base:"]])
  func aSelectionHasToNameTheContextInFull(_ queries: [String]) {
    var client = Self.client()
    _ = client.ask(10, contextQueries("disk", ["base:allocation"]))
    #expect(
      client.ask(10, contextQueries("disk", queries))
        == [OptionAnswer(option: 10, type: .acknowledgement, data: [])])
    #expect(Self.contextAfterEntering("disk", &client) == .some(nil))
  }

  /// What is no well-formed query, each with what is wrong with it.
  private static let malformed: [[UInt8]] = [
    [],
    counted("disk"),  // no count
    counted("disk") + hex("000000"),
    counted("disk") + hex("00000001"),  // a query too few
    counted("disk") + hex("00000001 0000000f") + "base:allocatio".utf8,
    counted("disk") + hex("00000001") + counted("base:allocation") + [0],  // a byte too many
    counted("disk") + hex("00000000") + counted("base:allocation"),  // a query too many
    counted("disk") + hex("ffffffff") + counted("base:allocation"),
    counted("disk") + hex("00000001 ffffffff") + "base:allocation".utf8,
    counted("disk") + hex("00000001 00000000"),  // an empty query
    counted("disk") + hex("00000001") + counted("allocation"),  // no namespace
    // No UTF-8.
    counted("disk") + hex("00000002") + counted("base:allocation") + hex("00000002 3aff"),
    counted("disk") + hex("00000001 00000006 626173653a00"),  // a NUL
    counted("disk") + hex("00000001") + counted("x:" + String(repeating: "y", count: 4095)),
    hex("00000005") + "disk".utf8 + hex("00000000"),
  ]

  @Test(arguments: malformed, [9, 10])
  func lengthsThatContradictEachOtherAndStringsThatAreNoneAreInvalid(_ data: [UInt8], _ code: Int) {
    var client = Self.client()
    #expect(client.ask(code, data).map(\.type) == [.invalid])
    #expect(client.ask(3).last?.type == .acknowledgement)
  }

  @Test(arguments: [9, 10])
  func anUnknownExportIsAnError(_ code: Int) {
    var client = Self.client()
    #expect(
      client.ask(code, contextQueries("nosuch", ["base:allocation"])).map(\.type)
        == [.unknownExport])
  }

  @Test(arguments: [
    counted("nosuch") + hex("00000000"), counted("disk"),
    Array(repeating: 0, count: 70000),
  ])
  func aSelectionThatFailsLeavesNothingSelected(_ data: [UInt8]) {
    var client = Self.client()
    _ = client.ask(10, contextQueries("disk", ["base:allocation"]))
    #expect(client.ask(10, data).last?.type != .acknowledgement)
    #expect(Self.contextAfterEntering("disk", &client) == .some(nil))
  }

  @Test func aListLeavesTheSelectionAlone() {
    var client = Self.client()
    _ = client.ask(10, contextQueries("disk", ["base:allocation"]))
    _ = client.ask(9, contextQueries("large", []))
    #expect(Self.contextAfterEntering("disk", &client) == .some(1))
  }

  @Test func aSelectionForAnotherExportIsVoid() {
    var client = Self.client()
    _ = client.ask(10, contextQueries("disk", ["base:allocation"]))
    #expect(Self.contextAfterEntering("large", &client) == .some(nil))
  }

  @Test func aSelectionForTheDefaultExportCountsForItsName() {
    var client = Self.client()
    _ = client.ask(10, contextQueries("", ["base:allocation"]))
    #expect(Self.contextAfterEntering("disk", &client) == .some(1))
  }

  @Test func aSelectionIsVoidIfTheDefaultExportHasBecomeAnother() {
    var client = Self.client()
    _ = client.ask(10, contextQueries("", ["base:allocation"]))
    client.catalog.exports.removeFirst()
    #expect(Self.contextAfterEntering("", &client) == .some(nil))
  }

  @Test func aSelectionCountsForEntryByNameToo() {
    var client = Self.client()
    _ = client.ask(10, contextQueries("disk", ["base:allocation"]))
    guard case .transmission(let session) = client.send(option(1, Array("disk".utf8))) else {
      Issue.record("no export was entered")
      return
    }
    #expect(session.allocationContext == 1)
  }

  @Test func aSessionWithoutStructuredRepliesHasNoContext() {
    let session = Session(export: Exports.disk, structuredReplies: false, allocationContext: 1)
    #expect(session.allocationContext == nil)
    #expect(!session.export.flags.contains(.sendDoNotFragment))
  }
}
