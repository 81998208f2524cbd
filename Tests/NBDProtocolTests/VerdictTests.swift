// Whether a request may be served: each rule of the specification, at its edges.

import NBDProtocol
import Testing

@Suite struct VerdictTests {
  private static let size: UInt64 = 1 << 20
  private static let all: TransmissionFlags = [
    .sendFlush, .sendFUA, .sendTrim, .sendWriteZeroes, .sendCache, .sendFastZero,
  ]

  private static func session(
    _ flags: TransmissionFlags = all, size: UInt64 = size, minimumBlock: UInt32 = 1,
    maximumPayload: UInt32 = 65536, structuredReplies: Bool = true, context: UInt32? = 1
  ) -> Session {
    Session(
      export: ExportDescription(
        name: "disk", size: size, flags: flags, minimumBlock: minimumBlock,
        maximumPayload: maximumPayload),
      structuredReplies: structuredReplies, allocationContext: context)
  }

  private static func request(
    _ command: Command, _ flags: CommandFlags = [], _ offset: UInt64 = 0, _ length: UInt32 = 4096
  ) -> Request {
    Request(flags: flags, type: command.rawValue, cookie: 7, offset: offset, length: length)
  }

  private static func plain(_ command: Command, _ flags: CommandFlags = []) -> Request {
    command == .flush ? request(command, flags, 0, 0) : request(command, flags)
  }

  /// The error of a refusal; nil for all else.
  private static func error(_ verdict: Verdict) -> NBDError? {
    if case .refuse(let error, _, _) = verdict { error } else { nil }
  }

  private static let served = Command.allCases.filter { $0 != .disconnect }
  private static let ranged = served.filter { $0 != .flush }

  @Test(arguments: served)
  func aRequestThatBreaksNoRuleIsServed(_ command: Command) {
    #expect(Self.session().judge(Self.plain(command)) == .perform(command))
  }

  @Test(arguments: [8, 9, 255, 0x8000, 0xffff] as [UInt16])
  func anUnknownCommandIsInvalidAndHasNoPayload(_ type: UInt16) {
    let request = Request(type: type, cookie: 1, offset: 0, length: 4096)
    #expect(
      Self.session().judge(request) == .refuse(.invalid, "the command is not offered", payload: 0))
    #expect(
      Self.session(.readOnly).judge(request)
        == .refuse(.invalid, "the command is not offered", payload: 0))
  }

  @Test(arguments: [
    (Command.flush, TransmissionFlags.sendFlush), (.trim, .sendTrim), (.cache, .sendCache),
    (.writeZeroes, .sendWriteZeroes),
  ])
  func aCommandThatWasNotOfferedIsInvalid(_ command: Command, _ flag: TransmissionFlags) {
    #expect(
      Self.session(Self.all.subtracting(flag)).judge(Self.plain(command))
        == .refuse(.invalid, "the command is not offered", payload: 0))
    #expect(Self.session(flag).judge(Self.plain(command)) == .perform(command))
  }

  @Test func blockStatusNeedsItsContextToBeSelected() {
    let request = Self.plain(.blockStatus)
    #expect(Self.error(Self.session(context: nil).judge(request)) == .invalid)
    #expect(Self.error(Self.session(structuredReplies: false).judge(request)) == .invalid)
    #expect(Self.session(context: 0).judge(request) == .perform(.blockStatus))
  }

  // MARK: Flags

  /// The flags that each command takes, beside FUA.
  private static let flags: [(Command, CommandFlags)] = [
    (.read, .doNotFragment), (.write, []), (.flush, []), (.trim, []), (.cache, []),
    (.writeZeroes, [.noHole, .fastZero]), (.blockStatus, .oneExtent),
  ]

  @Test(arguments: flags)
  func aFlagIsForItsCommandsOnly(_ command: Command, _ allowed: CommandFlags) {
    for bit in 0..<16 {
      let flag = CommandFlags(rawValue: 1 << bit)
      let verdict = Self.session().judge(Self.plain(command, flag))
      if allowed.contains(flag) || flag == .fua {
        #expect(verdict == .perform(command), "bit \(bit)")
      } else {
        let payload = command == .write ? 4096 : 0
        #expect(
          verdict
            == .refuse(.invalid, "a flag is not allowed with this command", payload: payload),
          "bit \(bit)")
      }
    }
    #expect(
      Self.session().judge(Self.plain(command, allowed.union(.fua))) == .perform(command))
  }

  @Test(arguments: served)
  func forcedUnitAccessHasToBeOffered(_ command: Command) {
    let verdict = Self.session(Self.all.subtracting(.sendFUA)).judge(Self.plain(command, .fua))
    #expect(Self.error(verdict) == .invalid)
  }

  @Test func aFastZeroHasToBeOffered() {
    let session = Self.session(Self.all.subtracting(.sendFastZero))
    #expect(Self.error(session.judge(Self.plain(.writeZeroes, .fastZero))) == .invalid)
    #expect(session.judge(Self.plain(.writeZeroes, .noHole)) == .perform(.writeZeroes))
  }

  @Test func aReadInOnePieceNeedsStructuredReplies() {
    let request = Self.plain(.read, .doNotFragment)
    #expect(Self.error(Self.session(structuredReplies: false).judge(request)) == .invalid)
    #expect(Self.session().judge(request) == .perform(.read))
  }

  // MARK: Ranges

  @Test(arguments: ranged)
  func aRangeMayEndWhereTheExportEndsAndNotAByteLater(_ command: Command) {
    let session = Self.session()
    let error: NBDError = command == .write || command == .writeZeroes ? .noSpace : .invalid
    let payload = command == .write ? 4096 : 0
    let beyond = Verdict.refuse(
      error, "the range lies beyond the end of the export", payload: payload)
    #expect(session.judge(Self.request(command, [], Self.size - 4096)) == .perform(command))
    for offset in [
      Self.size - 4095, Self.size, Self.size + 1, 1 << 63, .max - 4096, .max - 4095, .max - 4094,
      .max,
    ] {
      #expect(session.judge(Self.request(command, [], offset)) == beyond, "offset \(offset)")
    }
  }

  @Test(arguments: ranged)
  func theSumOfOffsetAndLengthDoesNotWrapAround(_ command: Command) {
    // 2^64 - 4096 + 4096 is 0, which lies inside any export; and the largest export has an end too.
    let session = Self.session(size: .max)
    for offset in [UInt64.max - 4095, .max - 4094, .max] {
      let error: NBDError = command == .write || command == .writeZeroes ? .noSpace : .invalid
      #expect(Self.error(session.judge(Self.request(command, [], offset))) == error)
    }
    #expect(session.judge(Self.request(command, [], .max - 4096)) == .perform(command))
  }

  @Test(arguments: [Command.trim, .cache, .writeZeroes, .blockStatus])
  func whatHasNoPayloadMayBeLongerThanThePayload(_ command: Command) {
    let session = Self.session(size: 1 << 40)
    #expect(session.judge(Self.request(command, [], 0, .max)) == .perform(command))
  }

  @Test(arguments: ranged)
  func aLengthOf0IsInvalid(_ command: Command) {
    #expect(
      Self.session().judge(Self.request(command, [], 0, 0))
        == .refuse(.invalid, "the length is 0", payload: 0))
  }

  @Test func anExportOfNoBytesServesNoRange() {
    let session = Self.session(size: 0)
    #expect(Self.error(session.judge(Self.request(.read, [], 0, 1))) == .invalid)
    #expect(session.judge(Self.plain(.flush)) == .perform(.flush))
  }

  @Test(arguments: ranged)
  func offsetAndLengthAreMultiplesOfTheMinimumBlock(_ command: Command) {
    let session = Self.session(minimumBlock: 4096)
    let payload = { (length: Int) in command == .write ? length : 0 }
    let message = "the range is not aligned to the minimum block"
    #expect(session.judge(Self.request(command, [], 8192, 4096)) == .perform(command))
    for (offset, length) in [(1, 4096), (512, 4096), (4095, 4096), (4096, 1), (0, 4095), (0, 4097)]
      as [(UInt64, UInt32)]
    {
      #expect(
        session.judge(Self.request(command, [], offset, length))
          == .refuse(.invalid, message, payload: payload(Int(length))))
    }
  }

  @Test func aFlushHasNoRange() {
    for (offset, length) in [(0, 1), (1, 0), (0, 4096), (.max, .max)] as [(UInt64, UInt32)] {
      #expect(
        Self.session().judge(Self.request(.flush, [], offset, length))
          == .refuse(.invalid, "a flush has an offset or a length", payload: 0))
    }
  }

  // MARK: Payloads

  @Test func aReadIsNotLongerThanThePayload() {
    let session = Self.session()
    let message = "the length is greater than the maximum payload"
    #expect(session.judge(Self.request(.read, [], 0, 65536)) == .perform(.read))
    #expect(
      session.judge(Self.request(.read, [], 0, 65537)) == .refuse(.invalid, message, payload: 0))
    #expect(
      session.judge(Self.request(.read, .doNotFragment, 0, 65537))
        == .refuse(.overflow, message, payload: 0))
  }

  @Test(arguments: [65537, 1 << 19, 32 << 20] as [UInt32])
  func aWriteThatIsLongerThanThePayloadIsSkipped(_ length: UInt32) {
    #expect(
      Self.session(size: 1 << 40).judge(Self.request(.write, [], 0, length))
        == .refuse(
          .invalid, "the length is greater than the maximum payload", payload: Int(length)))
  }

  @Test func aWriteOfMoreThan32MiBIsServedWhereTheExportTakesIt() {
    let session = Self.session(size: 1 << 40, maximumPayload: 64 << 20)
    #expect(session.judge(Self.request(.write, [], 0, 64 << 20)) == .perform(.write))
    #expect(
      session.judge(Self.request(.write, [], 0, (64 << 20) + 1))
        == .disconnect(reason: "a write is far longer than the maximum payload"))
  }

  @Test(arguments: [(32 << 20) + 1, 0x8000_0000, .max] as [UInt32])
  func aWriteThatIsFarLongerEndsTheConnectionWhateverElseItBreaks(_ length: UInt32) {
    let verdict = Verdict.disconnect(reason: "a write is far longer than the maximum payload")
    #expect(Self.session().judge(Self.request(.write, [], 0, length)) == verdict)
    #expect(Self.session().judge(Self.request(.write, .oneExtent, .max, length)) == verdict)
    #expect(Self.session(.readOnly).judge(Self.request(.write, [], 0, length)) == verdict)
    #expect(
      Self.session().judge(Self.request(.write, [], 0, length), isShuttingDown: true) == verdict)
  }

  @Test func aWriteAsLongAsThePayloadIsServed() {
    #expect(Self.session().judge(Self.request(.write, [], 0, 65536)) == .perform(.write))
  }

  // MARK: The state of the export and the server

  @Test(arguments: served)
  func aReadOnlyExportPermitsNothingThatWrites(_ command: Command) {
    for flags in [Self.all.union(.readOnly), .readOnly] {
      let verdict = Self.session(flags).judge(Self.plain(command))
      switch command {
      case .write:
        #expect(verdict == .refuse(.permission, "the export is read-only", payload: 4096))
      case .trim, .writeZeroes:
        #expect(verdict == .refuse(.permission, "the export is read-only", payload: 0))
      default: #expect(Self.error(verdict) != .permission)
      }
    }
    if command != .write && command != .trim && command != .writeZeroes {
      #expect(
        Self.session(Self.all.union(.readOnly)).judge(Self.plain(command)) == .perform(command))
    }
  }

  @Test(arguments: served)
  func aServerThatShutsDownRefusesAllAndSkipsThePayload(_ command: Command) {
    let payload = command == .write ? 4096 : 0
    let verdict = Verdict.refuse(.shutdown, "the server is shutting down", payload: payload)
    #expect(Self.session().judge(Self.plain(command), isShuttingDown: true) == verdict)
    #expect(Self.session(.readOnly).judge(Self.plain(command), isShuttingDown: true) == verdict)
  }

  @Test func aDisconnectIsTheClientsOwnWishWhateverItSays() {
    for request in [
      Self.request(.disconnect, [], 0, 0), Self.request(.disconnect, .fastZero, .max, .max),
    ] {
      for isShuttingDown in [false, true] {
        #expect(
          Self.session([]).judge(request, isShuttingDown: isShuttingDown)
            == .disconnect(reason: nil))
      }
    }
  }
}
