// The words of a Swift source, without comments and without what stands in strings, but for what is interpolated there: as
// much of the language as is needed to see who speaks of whom.

struct SourceWords {
  struct Word: Equatable {
    let text: String
    /// How many braces are open around it.
    let depth: Int
    /// It is a member of something: a dot stands in front of it.
    let isMember: Bool
  }

  private(set) var words: [Word] = []

  private let text: [UInt8]
  private var position = 0
  private var depth = 0

  init(_ text: String) {
    self.text = Array(text.utf8)
    scan(toParenthesis: false)
  }

  private func stands(_ string: StaticString) -> Bool {
    let count = string.utf8CodeUnitCount
    guard position + count <= text.count else { return false }
    return (0..<count).allSatisfy { text[position + $0] == string.utf8Start[$0] }
  }

  /// To the end, or to the parenthesis that closes an interpolation.
  private mutating func scan(toParenthesis: Bool) {
    var open = 0
    while position < text.count {
      switch text[position] {
      case _ where stands("//"): skipLine()
      case _ where stands("/*"): skipComment()
      case UInt8(ascii: "\""): scanString()
      case UInt8(ascii: "{"):
        add("{")
        depth += 1
        position += 1
      case UInt8(ascii: "}"):
        depth -= 1
        add("}")
        position += 1
      case UInt8(ascii: "("):
        open += 1
        position += 1
      case UInt8(ascii: ")"):
        position += 1
        if open == 0 && toParenthesis { return }
        open -= 1
      case let byte where Self.isOfWord(byte): scanWord()
      default: position += 1
      }
    }
  }

  private static func isOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private mutating func add(_ text: String, isMember: Bool = false) {
    words.append(Word(text: text, depth: depth, isMember: isMember))
  }

  private mutating func scanWord() {
    let start = position
    while position < text.count && Self.isOfWord(text[position]) { position += 1 }
    add(
      String(decoding: text[start..<position], as: UTF8.self),
      isMember: start > 0 && text[start - 1] == UInt8(ascii: "."))
  }

  private mutating func skipLine() {
    while position < text.count && text[position] != UInt8(ascii: "\n") { position += 1 }
  }

  private mutating func skipComment() {
    while position < text.count && !stands("*/") { position += 1 }
    position += 2
  }

  private mutating func scanString() {
    let isLong = stands("\"\"\"")
    position += isLong ? 3 : 1
    while position < text.count {
      if stands("\\(") {
        position += 2
        scan(toParenthesis: true)
      } else if text[position] == UInt8(ascii: "\\") {
        position += 2
      } else if isLong ? stands("\"\"\"") : text[position] == UInt8(ascii: "\"") {
        position += isLong ? 3 : 1
        return
      } else {
        position += 1
      }
    }
  }
}
