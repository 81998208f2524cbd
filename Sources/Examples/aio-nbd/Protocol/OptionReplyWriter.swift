// Appends the replies to one option to what is to be sent.

struct OptionReplyWriter {
  let option: UInt32
  private(set) var bytes: [UInt8]
  private let start: Int

  init(option: UInt32, bytes: [UInt8]) {
    self.option = option
    self.bytes = bytes
    self.start = bytes.count
  }

  /// How many bytes the replies to this option have by now.
  var length: Int { bytes.count - start }

  /// Bytes that are no reply packet: `NBD_OPT_EXPORT_NAME` is answered with such.
  mutating func raw(_ body: (inout [UInt8]) -> Void) { body(&bytes) }

  mutating func reply(_ type: OptionReply, _ body: (inout [UInt8]) -> Void = { _ in }) {
    bytes.appendBigEndian(Magic.optionReply)
    bytes.appendBigEndian(option)
    bytes.appendBigEndian(type.rawValue)
    let lengthStart = bytes.count
    bytes.appendBigEndian(UInt32(0))
    body(&bytes)
    let length = UInt32(bytes.count - lengthStart - 4)
    withUnsafeBytes(of: length.bigEndian) {
      bytes.replaceSubrange(lengthStart..<lengthStart + 4, with: $0)
    }
  }

  mutating func acknowledge() { reply(.acknowledgement) }

  mutating func refuse(_ type: OptionReply, _ message: String) {
    reply(type) { $0.append(contentsOf: message.utf8) }
  }

  mutating func information(_ type: InformationType, _ body: (inout [UInt8]) -> Void) {
    reply(.info) {
      $0.appendBigEndian(type.rawValue)
      body(&$0)
    }
  }
}
