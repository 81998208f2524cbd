// Runs a handshake and checks what may be checked without knowing what the client wants.

struct Handshake {
  private(set) var outcome = Negotiation.Outcome.needsMore
  private(set) var replies: [UInt8] = []
  private(set) var consumed = 0
  private let catalog: Catalog
  private let limits: Negotiation.Limits
  private var negotiation: Negotiation
  private var pieces: Pieces

  init(_ circumstances: Circumstances, pieces: Pieces) {
    catalog = circumstances.catalog
    limits = circumstances.limits
    negotiation = Negotiation(
      isShuttingDown: circumstances.contains(.isShuttingDown), limits: limits)
    self.pieces = pieces
  }

  mutating func run(_ stream: UnsafeRawBufferPointer) {
    var end = 0
    while outcome == .needsMore, consumed < stream.count {
      if end == consumed { end += min(pieces.next(), stream.count - end) }
      step(UnsafeRawBufferPointer(rebasing: stream[consumed..<end]))
    }
    switch outcome {
    case .needsMore: check(consumed == stream.count, "bytes were left that are needed")
    case .transmission(let session): checkSession(session)
    case .closed(let reason): checkReason(reason)
    }
    if outcome != .needsMore { checkThatItIsOver() }
  }

  private mutating func step(_ piece: UnsafeRawBufferPointer) {
    let before = replies
    let (count, next) = negotiation.receive(piece, catalog: catalog, replies: &replies)
    check((0...piece.count).contains(count), "bytes were taken that are not there")
    check(replies.starts(with: before), "replies that were there were changed")
    check(
      replies.count <= limits.replyLength + limits.listLength + 16384,
      "the client is sent more than the limits allow")
    let new = Array(replies[before.count...])
    consumed += count
    outcome = next
    switch outcome {
    case .needsMore:
      check(count == piece.count || !new.isEmpty, "bytes were left without an answer")
      if !new.isEmpty { checkReplies(new, mayEndRaw: false) }
    case .transmission: checkReplies(new, mayEndRaw: true)
    case .closed: if !new.isEmpty { checkReplies(new, mayEndRaw: false) }
    }
  }

  /// Parses the replies to one option as a client does.
  ///
  /// - Parameter mayEndRaw: whether they may be the answer to `NBD_OPT_EXPORT_NAME`.
  private func checkReplies(_ bytes: [UInt8], mayEndRaw: Bool) {
    var reader = OptionReader(bytes)
    if mayEndRaw, reader.number(UInt64.self) != Magic.optionReply {
      check(bytes.count == 10 || bytes.count == 134, "the answer to an export's name has no length")
      check(bytes[10...].allSatisfy { $0 == 0 }, "the zeroes are none")
      return
    }
    reader = OptionReader(bytes)
    var option: UInt32?
    var isFinal = false
    while !reader.isAtEnd {
      check(!isFinal, "there are replies after the final one")
      check(reader.number(UInt64.self) == Magic.optionReply, "a reply has no magic number")
      let answered = reader.number(UInt32.self)
      check(answered != nil && (option == nil || answered == option), "a reply is to no option")
      option = answered
      guard let code = reader.number(UInt32.self), let type = OptionReply(rawValue: code),
        let length = reader.number(UInt32.self)
      else { return check(false, "a reply has no type or no length") }
      var data: [UInt8] = []
      for _ in 0..<length {
        guard let byte = reader.number(UInt8.self) else {
          return check(false, "a reply is shorter than it says")
        }
        data.append(byte)
      }
      checkData(data, of: type)
      isFinal = type == .acknowledgement || type.isError
    }
    check(isFinal, "an option has no final reply")
  }

  private func checkData(_ data: [UInt8], of type: OptionReply) {
    var reader = OptionReader(data)
    switch type {
    case .acknowledgement: check(data.isEmpty, "an acknowledgement has data")
    case .server:
      check(reader.string() != nil, "a list has an export without a name")
    case .info:
      let kind = reader.number(UInt16.self).flatMap(InformationType.init)
      switch kind {
      case .export: check(data.count == 12, "an export has no size or no flags")
      case .blockSize: check(data.count == 14, "block sizes are not three")
      case .name, .description:
        check(reader.string(length: data.count - 2) != nil, "an information is no string")
      case nil: check(false, "an information is of an unknown kind")
      }
    case .metaContext:
      check(reader.number(UInt32.self).map { $0 <= 1 } == true, "a context has no number")
      check(reader.string(length: data.count - 4) == "base:allocation", "a context is unknown")
    default:
      check(type.isError, "a reply is of a type that is not used")
      check(!data.isEmpty && reader.string(length: data.count) != nil, "an error has no message")
    }
  }

  private func checkSession(_ session: Session) {
    check(catalog.names.contains(session.export.name), "an export was entered that is not there")
    check(
      session.export.flags.contains(.sendDoNotFragment) == session.structuredReplies,
      "the flags do not say whether replies are structured")
    check(
      session.allocationContext == nil || session.structuredReplies,
      "a context was selected without structured replies")
  }

  private func checkReason(_ reason: String?) {
    guard let reason else { return }
    check(
      !reason.isEmpty && reason.utf8.count < 1024
        && reason.utf8.allSatisfy { (0x20..<0x7f).contains($0) },
      "a reason is no line of ASCII")
  }

  private mutating func checkThatItIsOver() {
    let before = replies
    let option: [UInt8] = [
      0x49, 0x48, 0x41, 0x56, 0x45, 0x4f, 0x50, 0x54, 0, 0, 0, 3, 0, 0, 0, 0,
    ]
    let (count, next) = option.withUnsafeBytes {
      negotiation.receive($0, catalog: catalog, replies: &replies)
    }
    check(count == 0 && next == outcome && replies == before, "what is over went on")
  }
}
