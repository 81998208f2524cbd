// A fuzzer of NBDProtocol, compiled with its sources into one module by scripts/fuzz-nbd. Nothing that a client sends
// may crash the protocol, make it take bytes that are not there, or make it say what a client cannot parse.
//
// An input is a byte of circumstances, a byte that says in which pieces the rest arrives, and the client's bytes: the
// handshake, and the requests behind it. The handshake runs twice, in those pieces and in one, and has to come to the
// same.

import Glibc

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let input = UnsafeRawBufferPointer(start: data, count: size)
  guard input.count >= 2 else { return 0 }
  let circumstances = Circumstances(rawValue: input[0])
  let stream = UnsafeRawBufferPointer(rebasing: input[2...])
  if circumstances.contains(.noHandshake) {
    serve(stream, circumstances.session, isShuttingDown: circumstances.contains(.isShuttingDown))
    return 0
  }
  var pieces = Handshake(circumstances, pieces: Pieces(control: input[1]))
  pieces.run(stream)
  var whole = Handshake(circumstances, pieces: Pieces(control: 0))
  whole.run(stream)
  check(pieces.outcome == whole.outcome, "the outcome depends on the pieces")
  check(pieces.replies == whole.replies, "the replies depend on the pieces")
  check(pieces.consumed == whole.consumed, "what is taken depends on the pieces")
  if case .transmission(let session) = pieces.outcome {
    let requests = UnsafeRawBufferPointer(rebasing: stream[pieces.consumed...])
    serve(requests, session, isShuttingDown: circumstances.contains(.isShuttingDownLater))
  }
  return 0
}

/// Ends the process with a sentence if a promise is broken.
func check(_ condition: Bool, _ promise: @autoclosure () -> String) {
  if condition { return }
  let text = Array("broken promise: \(promise())\n".utf8)
  _ = write(2, text, text.count)
  abort()
}

/// What the server is like that the client talks to.
struct Circumstances: OptionSet {
  let rawValue: UInt8

  static let isShuttingDown = Circumstances(rawValue: 1 << 0)
  /// Once an export has been entered.
  static let isShuttingDownLater = Circumstances(rawValue: 1 << 1)
  /// Limits that an input of a few bytes reaches.
  static let tight = Circumstances(rawValue: 1 << 2)
  static let noExports = Circumstances(rawValue: 1 << 3)
  /// The input is requests only; the session is one that a handshake could have come to.
  static let noHandshake = Circumstances(rawValue: 1 << 4)
  static let simpleReplies = Circumstances(rawValue: 1 << 5)
  static let largeBlocks = Circumstances(rawValue: 1 << 6)

  var catalog: Catalog { Catalog(exports: contains(.noExports) ? [] : Catalog.all) }

  var limits: Negotiation.Limits {
    var limits = Negotiation.Limits()
    if contains(.tight) {
      limits.optionLength = 64
      limits.skippedLength = 128
      limits.options = 8
      limits.listLength = 50
      limits.replyLength = 400
    }
    return limits
  }

  var session: Session {
    Session(
      export: Catalog.all[contains(.largeBlocks) ? 1 : 0],
      structuredReplies: !contains(.simpleReplies), allocationContext: 1)
  }
}

/// How long the pieces are in which the client's bytes arrive.
struct Pieces {
  private let control: UInt8
  private var state: UInt32

  /// - Parameter control: 0 for one piece, 1 to 127 for pieces of that length, otherwise for lengths that vary.
  init(control: UInt8) {
    self.control = control
    state = UInt32(control)
  }

  mutating func next() -> Int {
    if control == 0 { return .max }
    if control < 128 { return Int(control) }
    state = state &* 1_664_525 &+ 1_013_904_223
    return 1 + Int(state >> 28) * Int(state >> 24 & 0xf)
  }
}

struct Catalog: ExportCatalog {
  var exports: [ExportDescription]

  var names: [String] { exports.map(\.name) }

  func export(named name: String) -> ExportDescription? {
    name.isEmpty ? exports.first : exports.first { $0.name == name }
  }

  static let all = [
    ExportDescription(
      name: "disk", description: "a disk", size: 1 << 20,
      flags: [
        .sendFlush, .sendFUA, .sendTrim, .sendWriteZeroes, .sendCache, .sendFastZero,
        .canMultiConnect,
      ], maximumPayload: 65536),
    ExportDescription(
      name: "large", size: .max, flags: [.readOnly, .sendFlush, .sendCache], minimumBlock: 4096,
      preferredBlock: 65536, maximumPayload: 1 << 20),
  ]
}
