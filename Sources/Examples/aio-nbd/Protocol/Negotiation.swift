// The handshake (fixed newstyle), seen from the server: a state machine over bytes, in whatever pieces they come.
//
// It keeps the bytes of what is not complete yet, at most an option's; so it takes all that it is given, up to and
// with the end of one option, and leaves the rest to the next call: another option, or, once the outcome is a session,
// the first requests of the transmission phase. A client that sends too much of anything is answered with an error
// where the specification has one, and closed beyond the limits.
//
// The options themselves are in Negotiation+Options.swift and Negotiation+MetaContexts.swift.

/// The server's side of a handshake.
public struct Negotiation: Sendable {
  /// How much a client may ask of the server before it has entered an export.
  public struct Limits: Sendable, Hashable {
    /// In bytes; an option with more data is skipped and answered with `NBD_REP_ERR_TOO_BIG`.
    public var optionLength = 64 << 10
    /// In bytes; an option with more data ends the connection.
    public var skippedLength = 1 << 20
    /// More options in one handshake end the connection.
    public var options = 128
    /// In bytes; a longer list of exports is cut there, and ends with an error.
    public var listLength = 1 << 20
    /// In bytes; a handshake whose replies are longer in all ends the connection.
    public var replyLength = 4 << 20

    public init() {}
  }

  /// Where the handshake stands.
  public enum Outcome: Sendable, Hashable {
    /// It goes on, with the bytes that were not consumed or with the next ones to come.
    case needsMore
    /// The client has entered an export. The bytes that were not consumed are its first requests.
    case transmission(Session)
    /// It is over, once the replies are sent. There is no reason where the client itself ended it (`NBD_OPT_ABORT`).
    /// A reason is one line of ASCII.
    case closed(reason: String?)
  }

  enum Phase {
    case clientFlags
    case optionHeader
    case optionData(UInt32, length: Int)
    /// The data of an option that is longer than it may be is on its way.
    case skipping(UInt32, remaining: Int)
    case over(Outcome)
  }

  /// Whether options other than `NBD_OPT_ABORT` are answered with `NBD_REP_ERR_SHUTDOWN`.
  public var isShuttingDown: Bool
  let limits: Limits
  private var phase = Phase.clientFlags
  private var buffer: [UInt8] = []
  private var optionCount = 0
  /// In bytes, of the whole handshake.
  private(set) var replied = 0

  // What the client's options have come to.
  var noZeroes = false
  var structuredReplies = false
  /// The name of the export for which the client selected `base:allocation`.
  var allocationExport: String?
  /// The name of the export whose block sizes the client asked for last.
  var blockSizeExport: String?

  public init(isShuttingDown: Bool = false, limits: Limits = Limits()) {
    self.isShuttingDown = isShuttingDown
    self.limits = limits
  }

  /// What the server sends before it has received anything.
  public func greeting() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(Magic.greeting)
    bytes.appendBigEndian(Magic.option)
    bytes.appendBigEndian(([.fixedNewstyle, .noZeroes] as HandshakeFlags).rawValue)
    return bytes
  }

  /// Takes bytes of the client, at most to the end of one option, and appends what is to be sent to `replies`.
  ///
  /// All bytes are consumed unless an option was answered; call again with the rest while the outcome is
  /// ``Outcome/needsMore``. Any other outcome is final: later calls consume nothing and return it again.
  public mutating func receive(
    _ bytes: UnsafeRawBufferPointer, catalog: some ExportCatalog, replies: inout [UInt8]
  ) -> (consumed: Int, outcome: Outcome) {
    var consumed = 0
    while true {
      switch phase {
      case .over(let outcome): return (consumed, outcome)
      case .clientFlags:
        guard collect(4, from: bytes, at: &consumed) else { return (consumed, .needsMore) }
        phase = readClientFlags()
      case .optionHeader:
        guard collect(16, from: bytes, at: &consumed) else { return (consumed, .needsMore) }
        phase = readOptionHeader()
      case .optionData(let option, let length):
        guard collect(length, from: bytes, at: &consumed) else { return (consumed, .needsMore) }
        let data = buffer
        buffer.removeAll(keepingCapacity: true)
        return (consumed, answer(option, data, catalog, &replies))
      case .skipping(let option, let remaining):
        let count = min(remaining, bytes.count - consumed)
        consumed += count
        phase = .skipping(option, remaining: remaining - count)
        guard count == remaining else { return (consumed, .needsMore) }
        return (consumed, answer(option, nil, catalog, &replies))
      }
    }
  }

  /// Moves bytes to the buffer until it holds so many; false if there are too few yet.
  private mutating func collect(
    _ needed: Int, from bytes: UnsafeRawBufferPointer, at position: inout Int
  ) -> Bool {
    let count = min(needed - buffer.count, bytes.count - position)
    buffer.append(contentsOf: bytes[position..<position + count])
    position += count
    return buffer.count == needed
  }

  private mutating func readClientFlags() -> Phase {
    let flags = buffer.withUnsafeBytes {
      ClientFlags(rawValue: $0.bigEndian(at: 0, as: UInt32.self))
    }
    buffer.removeAll(keepingCapacity: true)
    guard flags.isSubset(of: .known) else {
      return .over(.closed(reason: "the client set an unknown flag"))
    }
    noZeroes = flags.contains(.noZeroes)
    return .optionHeader
  }

  private mutating func readOptionHeader() -> Phase {
    let (magic, option, length) = buffer.withUnsafeBytes {
      (
        $0.bigEndian(at: 0, as: UInt64.self), $0.bigEndian(at: 8, as: UInt32.self),
        Int($0.bigEndian(at: 12, as: UInt32.self))
      )
    }
    buffer.removeAll(keepingCapacity: true)
    guard magic == Magic.option else {
      return .over(.closed(reason: "an option does not start with its magic number"))
    }
    optionCount += 1
    guard optionCount <= limits.options else {
      return .over(.closed(reason: "the client negotiates too many options"))
    }
    guard length <= limits.skippedLength else {
      return .over(.closed(reason: "an option is far too long"))
    }
    return length <= limits.optionLength
      ? .optionData(option, length: length) : .skipping(option, remaining: length)
  }

  /// Answers an option; one whose data was skipped has none.
  private mutating func answer(
    _ option: UInt32, _ data: [UInt8]?, _ catalog: some ExportCatalog, _ replies: inout [UInt8]
  ) -> Outcome {
    let start = replies.count
    var writer = OptionReplyWriter(option: option, bytes: replies)
    replies = []
    var outcome = respond(to: option, data, catalog, &writer)
    replies = writer.bytes
    replied += replies.count - start
    if outcome == .needsMore, replied > limits.replyLength {
      outcome = .closed(reason: "the client asks for too much before it enters an export")
    }
    phase = outcome == .needsMore ? .optionHeader : .over(outcome)
    return outcome
  }
}
