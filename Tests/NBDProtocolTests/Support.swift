// What the tests share: bytes written out by hand, exports to look up, and a client that sends bytes to a negotiation
// in pieces and keeps what comes back.

import NBDProtocol
import Testing

/// The bytes of a string of hexadecimal digits, which spaces and line breaks may divide.
func hex(_ text: String) -> [UInt8] {
  let digits = text.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue!) }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// A big-endian number of 16 or 32 bits.
func number16(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
func number32(_ value: Int) -> [UInt8] { number16(value >> 16) + number16(value & 0xffff) }

/// A string behind its length.
func counted(_ text: String) -> [UInt8] { number32(text.utf8.count) + text.utf8 }

/// An option as a client sends it.
func option(_ code: Int, _ data: [UInt8] = []) -> [UInt8] {
  hex("49484156454f5054") + number32(code) + number32(data.count) + data
}

/// The data of `NBD_OPT_INFO` and `NBD_OPT_GO`.
func informationRequest(_ name: String, _ kinds: [Int] = []) -> [UInt8] {
  counted(name) + number16(kinds.count) + kinds.flatMap(number16)
}

/// The data of `NBD_OPT_LIST_META_CONTEXT` and `NBD_OPT_SET_META_CONTEXT`.
func contextQueries(_ name: String, _ queries: [String]) -> [UInt8] {
  counted(name) + number32(queries.count) + queries.flatMap(counted)
}

/// A reply to an option, taken apart.
struct OptionAnswer: Equatable {
  var option: Int
  var type: OptionReply?
  var data: [UInt8]

  var text: String { String(decoding: data, as: UTF8.self) }
}

/// Exports in a row, of which the first one is the default.
struct Exports: ExportCatalog {
  var exports: [ExportDescription]

  init(_ exports: ExportDescription...) { self.exports = exports }

  var names: [String] { exports.map(\.name) }

  func export(named name: String) -> ExportDescription? {
    name.isEmpty ? exports.first : exports.first { $0.name == name }
  }

  static let disk = ExportDescription(
    name: "disk", description: "a disk", size: 0x1_0203_0000,
    flags: [.sendFlush, .sendFUA, .sendTrim])
  static let large = ExportDescription(
    name: "large", size: 1 << 40, flags: [.readOnly], minimumBlock: 4096, preferredBlock: 65536,
    maximumPayload: 1 << 20)
}

/// The client's end of a negotiation.
struct Client {
  var negotiation: Negotiation
  var catalog: Exports
  /// All that the server sent since it was last taken.
  var received: [UInt8] = []
  /// What the negotiation left behind when it was over.
  var unconsumed: [UInt8] = []

  /// - Parameter flags: what the client answers to the greeting; nil: nothing yet.
  init(
    _ catalog: Exports = Exports(Exports.disk, Exports.large), flags: Int? = 3,
    limits: Negotiation.Limits = .init(), isShuttingDown: Bool = false
  ) {
    negotiation = Negotiation(isShuttingDown: isShuttingDown, limits: limits)
    self.catalog = catalog
    if let flags { _ = send(number32(flags)) }
  }

  /// Sends bytes in pieces of at most so many, until all are consumed or the negotiation is over.
  mutating func send(_ bytes: [UInt8], pieces: Int = .max) -> Negotiation.Outcome {
    var rest = bytes[...]
    var outcome = Negotiation.Outcome.needsMore
    while !rest.isEmpty {
      var piece = rest.prefix(pieces)
      rest.removeFirst(piece.count)
      while !piece.isEmpty {
        let (consumed, next) = piece.withUnsafeBytes {
          negotiation.receive($0, catalog: catalog, replies: &received)
        }
        outcome = next
        piece.removeFirst(consumed)
        if outcome != .needsMore {
          unconsumed += piece + rest
          return outcome
        }
      }
    }
    return outcome
  }

  /// Sends an option and takes the replies to it.
  mutating func ask(_ code: Int, _ data: [UInt8] = []) -> [OptionAnswer] {
    _ = send(option(code, data))
    return takeAnswers()
  }

  /// Takes all that the server sent.
  mutating func takeBytes() -> [UInt8] {
    defer { received = [] }
    return received
  }

  /// Takes apart what the server sent; stops at what is no reply to an option.
  mutating func takeAnswers() -> [OptionAnswer] {
    var rest = takeBytes()[...]
    var answers: [OptionAnswer] = []
    func take(_ count: Int) -> Int {
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
    }
    while rest.count >= 20, take(8) == 0x3_e889_0455_65a9 {
      let option = take(4)
      let type = OptionReply(rawValue: UInt32(take(4)))
      let length = take(4)
      answers.append(OptionAnswer(option: option, type: type, data: Array(rest.prefix(length))))
      rest = rest.dropFirst(length)
    }
    return answers
  }
}

/// Checks that a process that was expected to fail said why.
func expectSentence(
  _ sentence: String, in result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
) {
  let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  #expect(
    text.contains(sentence), "the sentence is missing in: \(text.prefix(600))",
    sourceLocation: sourceLocation)
}
