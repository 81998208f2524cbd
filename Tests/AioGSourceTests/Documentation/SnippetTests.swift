// Every piece of Swift in the documentation is compiled: each block of code in the guides, the README and the library's
// documentation comments stands, but for its indentation, between two marks in a file that the tests build.

import Foundation
import Testing

extension AllTests {
  @Suite struct SnippetTests {
    /// A block of code, and where it was found.
    struct Snippet: CustomTestStringConvertible {
      let place: String
      let code: String
      var testDescription: String { place }
    }

    private static let root = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()

    /// Not those of the packages that an example brought with it, which it has when it has been built.
    private static func files(under folder: String, _ suffix: String) -> [String] {
      let all = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
      let names = (all?.compactMap { $0 as? String } ?? []).filter {
        $0.hasSuffix(suffix) && !$0.contains("/.build/")
      }
      return names.sorted().map { "\(folder)/\($0)" }
    }

    private static func lines(_ path: String) throws -> [String] {
      try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
        .components(separatedBy: "\n")
    }

    /// What stands between lines that begin a block and lines that end one.
    static func blocks(
      in lines: [String], of file: String, from begin: (String) -> Bool, to end: (String) -> Bool
    ) -> [Snippet] {
      var blocks: [Snippet] = []
      var start: Int?
      for (index, line) in lines.enumerated() {
        if let first = start {
          guard end(line) else { continue }
          blocks.append(
            Snippet(place: "\(file):\(first + 1)", code: unindented(lines[first..<index])))
          start = nil
        } else if begin(line) {
          start = index + 1
        }
      }
      if let start {
        blocks.append(Snippet(place: "\(file):\(start), which does not end", code: ""))
      }
      return blocks
    }

    static func unindented(_ lines: ArraySlice<String>) -> String {
      let indentation = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min()
      return lines.map { String($0.dropFirst(indentation ?? 0)) }.joined(separator: "\n")
    }

    /// The blocks of Swift in a text, or in a source's documentation comments.
    static func documented(in path: String) throws -> [Snippet] {
      var lines = try lines(path)
      if path.hasSuffix(".swift") {
        lines = lines.map {
          let line = $0.drop { $0 == " " }
          return line.hasPrefix("/// ") ? String(line.dropFirst(4)) : line == "///" ? "" : "// "
        }
      }
      return blocks(
        in: lines, of: path, from: { $0 == "```swift" }, to: { $0.hasPrefix("```") || $0 == "// " })
    }

    /// The blocks between marks in the tests, and the programs of the guides and the README, whole.
    static func compiled() throws -> [Snippet] {
      let mark = { (line: String) in line.trimmingCharacters(in: .whitespaces) }
      let marked = try files(
        under: "Tests/AioGSourceTests/Documentation/Guides", ".swift"
      ).flatMap { path in
        blocks(
          in: try lines(path), of: path, from: { mark($0) == "// snippet" },
          to: { mark($0) == "// end of snippet" })
      }
      let programs =
        files(under: "Tests/Guides", "main.swift") + ["Sources/Examples/hello-loop/main.swift"]
      return try marked
        + programs.map {
          Snippet(place: $0, code: try lines($0).dropLast().joined(separator: "\n"))
        }
    }

    static func allDocumented() throws -> [Snippet] {
      let texts =
        ["README.md"] + files(under: "Sources/AioGSource/AioGSource.docc", ".md")
        + files(under: "Sources", ".swift")
      return try texts.flatMap { try documented(in: $0) }
        // A manifest, which no program can contain.
        .filter { !$0.code.hasPrefix("dependencies: [") }
    }

    @Test func everyPieceOfCodeIsCompiled() throws {
      let compiled = Set(try Self.compiled().map(\.code))
      let documented = try Self.allDocumented()
      #expect(documented.count > 40)
      for snippet in documented {
        // Not within the expectation, which would show all there is.
        let isCompiled = compiled.contains(snippet.code)
        #expect(isCompiled, "no test contains what stands at \(snippet.place)")
      }
    }

    @Test func nothingIsCompiledThatNobodyReads() throws {
      let documented = Set(try Self.allDocumented().map(\.code))
      for snippet in try Self.compiled() {
        let isRead = documented.contains(snippet.code)
        #expect(isRead, "no text contains \(snippet.place)")
      }
    }

    @Test(arguments: ["AsyncIO", "ActorsOnAContext", "MainActorInGTK", "Cancellation"])
    func aGuideBeginsWithAWholeProgram(_ guide: String) throws {
      let first = try #require(
        Self.documented(in: "Sources/AioGSource/AioGSource.docc/\(guide).md").first)
      let programs = try Self.compiled().filter { $0.place.hasSuffix("main.swift") }
      #expect(programs.contains { $0.code == first.code })
    }

    @Test func aBlockIsFoundWhereverItStands() {
      let text = ["```swift", "  a", "", "    b", "```", "```", "c", "```", "```swift", "d"]
      let blocks = Self.blocks(
        in: text, of: "text", from: { $0 == "```swift" }, to: { $0 == "```" })
      #expect(blocks.map(\.code) == ["a\n\n  b", ""])
      #expect(blocks.map(\.place) == ["text:2", "text:9, which does not end"])
    }
  }
}
