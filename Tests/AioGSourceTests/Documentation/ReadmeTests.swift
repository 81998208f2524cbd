// The README's program is the one that the package builds, and it runs.

import Foundation
import Testing

extension AllTests {
  @Suite struct ReadmeTests {
    private static let root = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
      try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    }

    @Test func itsProgramIsTheExampleAndShort() throws {
      let readme = try text("README.md")
      let start = try #require(readme.range(of: "```swift\n"))
      let end = try #require(readme.range(of: "```", range: start.upperBound..<readme.endIndex))
      let program = String(readme[start.upperBound..<end.lowerBound])
      #expect(program == (try text("Sources/Examples/hello-loop/main.swift")))
      #expect(program.split(separator: "\n", omittingEmptySubsequences: false).count < 30)
    }

    @Test func itsProgramRuns() throws {
      // Built beside the tests, since it is a product of the same package.
      let tests = try #require(Bundle.main.executableURL)
      let program = tests.deletingLastPathComponent().appendingPathComponent("hello-loop").path
      let output = try #require(popen("'\(program)'", "r"))
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = fread(&bytes, 1, bytes.count, output)
      #expect(pclose(output) == 0)
      let text = String(decoding: bytes[..<count], as: UTF8.self)
      #expect(text.contains("300 µs later"))
      #expect(text.contains("scheduled by another thread"))
    }
  }
}
