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
      let process = Process()
      process.executableURL = tests.deletingLastPathComponent()
        .appendingPathComponent("hello-loop")
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      let text = String(
        decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      #expect(text.contains("300 µs later"))
      #expect(text.contains("scheduled by another thread"))
    }
  }
}
