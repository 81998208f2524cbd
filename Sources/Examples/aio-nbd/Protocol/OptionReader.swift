// Reads the data of an option. Nil means that the data is not what its own lengths say, or that a string is none: the
// option is then answered with `NBD_REP_ERR_INVALID`.

struct OptionReader {
  private var rest: ArraySlice<UInt8>

  init(_ data: [UInt8]) { rest = data[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard rest.count >= size else { return nil }
    defer { rest.removeFirst(size) }
    return rest.prefix(size).reduce(0) { $0 << 8 | Number($1) }
  }

  /// A string of so many bytes: UTF-8, without a NUL, of at most 4096 bytes.
  mutating func string(length: Int) -> String? {
    guard length <= ExportDescription.maximumStringLength, length <= rest.count else { return nil }
    let bytes = rest.prefix(length)
    rest.removeFirst(length)
    guard !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  /// A string that is preceded by its length.
  mutating func string() -> String? {
    guard let length = number(UInt32.self) else { return nil }
    return string(length: Int(length))
  }
}
