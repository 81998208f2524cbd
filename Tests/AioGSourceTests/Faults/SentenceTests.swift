// Faults end in words: whatever the library traps or throws with says which rule was broken, and a test has seen it.

import Foundation
import Testing

extension AllTests {
  @Suite struct SentenceTests {
    private static let root = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()

    private static func sources(under folders: String...) throws -> [(path: String, text: String)] {
      try folders.flatMap { folder in
        let names = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
        return try (names?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".swift") }.map
        {
          let path = folder + "/" + $0
          return (path, try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8))
        }
      }
    }

    /// One line, as a string that is continued on the next one reads.
    private static func joined(_ text: some StringProtocol) -> String {
      text.replacingOccurrences(of: "\\\n", with: " ")
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// The arguments of each trap: from its parenthesis to the one that closes it, strings taken as a whole.
    static func traps(in text: String) -> [String] {
      let code = text.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.drop { $0 == " " }.hasPrefix("//") ? "" : $0 }.joined(separator: "\n")
      let trap = /\b(?:precondition|preconditionFailure|fatalError|assert|assertionFailure)\(/
      return code.matches(of: trap).map { match in
        var depth = 1
        var isString = false
        var end = match.range.upperBound
        while depth > 0 && end < code.endIndex {
          switch code[end] {
          case "\"": isString.toggle()
          case "(" where !isString: depth += 1
          case ")" where !isString: depth -= 1
          default: break
          }
          end = code.index(after: end)
        }
        return joined(code[match.range.upperBound..<end])
      }
    }

    @Test func everyTrapHasASentenceInTheRegistry() throws {
      let sources = try Self.sources(under: "Sources/AioGSource", "Sources/AioGSourceMainExecutor")
      var unseen = Set(Sentence.traps.map(\.words))
      var count = 0
      for (path, text) in sources {
        for arguments in Self.traps(in: text) {
          count += 1
          // The states of a request, which are the library's own: they are checked without words.
          if path.hasSuffix("RequestState.swift") && arguments.hasPrefix("phase ==") { continue }
          let known = Sentence.traps.filter { arguments.contains($0.words) }
          #expect(!known.isEmpty, "\(path) traps with a sentence that has no test: \(arguments)")
          unseen.subtract(known.map(\.words))
        }
      }
      #expect(count > 70)
      #expect(unseen.isEmpty, "the library does not trap with these any more")
    }

    @Test func everyErrorHasADescriptionInTheRegistry() throws {
      let file = try #require(
        try Self.sources(under: "Sources/AioGSource/AioContext")
          .first { $0.path.hasSuffix("AioError.swift") })
      let descriptions = file.text.split(separator: "\n").filter { $0.hasPrefix("      \"") }
      #expect(descriptions.count == Sentence.errors.count)
      for description in descriptions {
        let known = Sentence.errors.filter { description.contains($0.words) }
        #expect(known.count == 1, "an error has no test: \(description)")
      }
    }

    @Test func everyTestOfTheRegistryIsThere() throws {
      let tests = try Self.sources(under: "Tests").filter { !$0.path.hasSuffix("/Sentences.swift") }
      for sentence in Sentence.traps + Sentence.errors {
        guard case .test(let name, let text) = sentence.proof else { continue }
        let file = tests.first { $0.path.hasSuffix("/" + name) }
        #expect(
          file.map { Self.joined($0.text).contains(text) } == true,
          "\(name) does not look for '\(text)'")
      }
    }

    @Test func aTrapIsFoundWhereverItStands() {
      let text = """
        // precondition(false, "a comment")
        precondition(a(b), "one")
        preconditionFailure(
          "two (\\(c))")
        """
      #expect(Self.traps(in: text) == ["a(b), \"one\")", "\"two (\\(c))\")"])
    }
  }
}
