// What a description of an export promises to the protocol, and which ones are refused.

import NBDProtocol
import Testing

@Suite struct ExportTests {
  @Test func theFlagsSayThatThereAreFlagsAndLeaveFragmentsToTheNegotiation() {
    let export = ExportDescription(name: "disk", size: 1, flags: [.readOnly, .sendDoNotFragment])
    #expect(export.flags == [.hasFlags, .readOnly])
    let session = Session(export: export, structuredReplies: true, allocationContext: nil)
    #expect(session.export.flags == [.hasFlags, .readOnly, .sendDoNotFragment])
  }

  @Test func aFastZeroIsNotOfferedWhereZeroesAreNotWritten() {
    let flags: TransmissionFlags = [.hasFlags, .sendWriteZeroes, .sendFastZero]
    #expect(ExportDescription(name: "", size: 1, flags: flags).flags == flags)
    #expect(
      ExportDescription(name: "", size: 1, flags: [.sendFastZero, .sendTrim]).flags
        == [.hasFlags, .sendTrim])
  }

  @Test(arguments: [
    (TransmissionFlags.hasFlags, 0), (.readOnly, 1), (.sendFlush, 2), (.sendFUA, 3),
    (.rotational, 4), (.sendTrim, 5), (.sendWriteZeroes, 6), (.sendDoNotFragment, 7),
    (.canMultiConnect, 8), (.sendCache, 10), (.sendFastZero, 11),
  ])
  func aTransmissionFlagIsTheBitOfTheSpecification(_ flag: TransmissionFlags, _ bit: Int) {
    #expect(flag.rawValue == 1 << bit)
  }

  @Test(arguments: [
    (CommandFlags.fua, 0), (.noHole, 1), (.doNotFragment, 2), (.oneExtent, 3), (.fastZero, 4),
  ])
  func aCommandFlagIsTheBitOfTheSpecification(_ flag: CommandFlags, _ bit: Int) {
    #expect(flag.rawValue == 1 << bit)
  }

  @Test(arguments: [
    ("", true), ("disk", true), ("a\0b", false), ("\0", false),
    (String(repeating: "a", count: 4096), true), (String(repeating: "a", count: 4097), false),
    (String(repeating: "é", count: 2048), true), (String(repeating: "é", count: 2049), false),
  ])
  func theProtocolHasRoomForAString(_ string: String, _ hasRoom: Bool) {
    #expect(ExportDescription.canCarry(string) == hasRoom)
  }

  @Test(arguments: [1, 512, 4096, 65536] as [UInt32])
  func blocksOfEachPowerOfTwoAreTaken(_ block: UInt32) {
    let export = ExportDescription(
      name: "", size: 0, flags: [], minimumBlock: block, preferredBlock: max(block, 512),
      maximumPayload: 65536)
    #expect(export.minimumBlock == block)
  }

  @Test func aNameThatCannotBeCarriedTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = ExportDescription(name: "a\0b", size: 0, flags: [])
    }
    expectSentence("has a NUL or more than 4096 bytes", in: result)
  }

  @Test func aDescriptionThatCannotBeCarriedTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = ExportDescription(
        name: "", description: String(repeating: "a", count: 4097), size: 0, flags: [])
    }
    expectSentence("has a NUL or more than 4096 bytes", in: result)
  }

  @Test(arguments: [0, 3, 131_072] as [UInt32])
  func aMinimumBlockThatIsNoneTraps(_ block: UInt32) async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [block] in
      _ = ExportDescription(
        name: "", size: 0, flags: [], minimumBlock: block, preferredBlock: 1 << 20)
    }
    expectSentence("the minimum block of an export is no power of two up to 65536", in: result)
  }

  @Test(arguments: [0, 256, 4096, 12288] as [UInt32])
  func aPreferredBlockThatIsNoneTraps(_ block: UInt32) async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [block] in
      _ = ExportDescription(
        name: "", size: 0, flags: [], minimumBlock: 8192, preferredBlock: block)
    }
    expectSentence("the preferred block of an export is no power of two", in: result)
  }

  @Test(arguments: [0, 4096, 8193] as [UInt32])
  func aMaximumPayloadThatIsNoneTraps(_ payload: UInt32) async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [payload] in
      _ = ExportDescription(
        name: "", size: 0, flags: [], minimumBlock: 512, preferredBlock: 8192,
        maximumPayload: payload)
    }
    expectSentence("the maximum payload of an export is below its preferred block", in: result)
  }
}
