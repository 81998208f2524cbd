// What aio-pool promises: the digests of sha256sum, in the order of the files, whatever the number of threads; an error said
// for each file that cannot be read; and an end when it is told to.

import CTestSupport
import Foundation
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite struct PoolTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    private struct Report: Decodable {
      struct File: Decodable {
        let path: String
        let thread: Int
        let bytes: Int?
        let sha256: String?
        let error: String?
      }
      let threads: Int
      let depth: Int
      let files: [File]
      let bytes: Int
      let seconds: Double
    }

    private func sha256sum(_ files: [String]) throws -> String {
      try Program(["/usr/bin/env", "sha256sum"] + files).outcome().output
    }

    private func report(_ arguments: [String]) throws -> (Report, Program.Outcome) {
      let outcome = try Program("aio-pool", ["--json"] + arguments).outcome()
      let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
      return (report, outcome)
    }

    /// Of all lengths around the size of its reads.
    private func makeFiles(_ count: Int) throws -> [String] {
      let sizes = [0, 1, 65_535, 65_536, 65_537, 200_000, 1_000_000]
      return try (0..<count).map { index in
        let bytes = randomBytes(sizes[index % sizes.count], seed: UInt64(index))
        return try folder.write(Data(bytes), to: "file \(index)")
      }
    }

    @Test(arguments: [["1", "1"], ["1", "8"], ["2", "4"], ["7", "3"], ["64", "1"]])
    func theLinesAreThoseOfSha256sum(_ shape: [String]) throws {
      let files = try makeFiles(60)
      let outcome = try Program(
        "aio-pool", ["--threads", shape[0], "--depth", shape[1]] + files
      ).outcome()
      #expect(outcome.status == 0)
      #expect(outcome.complaint == "")
      #expect(outcome.output == (try sha256sum(files)))
    }

    @Test func oddNamesAreWrittenAsThere() throws {
      let files = try ["a\\b", "two\nlines", "ümlaut", "cr\r"].map {
        try folder.write(Data([1, 2, 3]), to: $0)
      }
      let outcome = try Program("aio-pool", files).outcome()
      #expect(outcome.output == (try sha256sum(files)))
    }

    @Test func manyFilesTakeTurns() throws {
      let file = try folder.write(Data(randomBytes(100)), to: "file")
      let (report, outcome) = try report(
        ["--threads", "3", "--depth", "2"] + Array(repeating: file, count: 3_000))
      #expect(outcome.status == 0)
      #expect(report.files.count == 3_000)
      #expect(Set(report.files.compactMap(\.sha256)).count == 1)
      #expect(report.bytes == 300_000)
    }

    @Test func theFirstFilesAreSharedFairly() throws {
      let files = try makeFiles(3)
      let (report, _) = try report(["--threads", "3", "--depth", "16"] + files)
      #expect(report.threads == 3)
      #expect(report.depth == 16)
      #expect(report.files.map(\.path) == files)
      #expect(report.files.map(\.thread) == [0, 1, 2])
      #expect(report.files.map(\.bytes) == [0, 1, 65_535])
      #expect(report.bytes == 65_536)
      #expect(report.seconds > 0)
    }

    @Test func whatCannotBeReadIsSaidAndTheRestIsThere() throws {
      let good = try makeFiles(2)
      let bad = [folder["missing"], folder.path]
      let outcome = try Program("aio-pool", [good[0], bad[0], bad[1], good[1]]).outcome()
      #expect(outcome.status == 1)
      #expect(
        outcome.complaint
          == "aio-pool: cannot read \(bad[0]): No such file or directory\n"
          + "aio-pool: cannot read \(bad[1]): Is a directory\n")
      #expect(outcome.output == (try sha256sum(good)))
      let (report, again) = try report([good[0], bad[0]])
      #expect(again.status == 1)
      #expect(report.files.map(\.error) == [nil, "No such file or directory"])
      #expect(report.files.map(\.sha256).map { $0 == nil } == [false, true])
    }

    @Test func optionsThatMakeNoSenseAreRefused() throws {
      for options in [["--threads", "0"], ["--threads", "x"], ["--depth", "0"], []] {
        let files = options.isEmpty ? [] : ["file"]
        let outcome = try Program("aio-pool", options + files).outcome()
        #expect(outcome.status == 64)
        #expect(outcome.output == "")
      }
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func aSignalEndsIt(_ signal: Int32) throws {
      // Of 64 GiB, which nobody digests in the time that is given; it is a hole, and takes no room.
      let file = try FileDescriptor.open(
        folder["huge"], .writeOnly, options: .create, permissions: .ownerReadWrite)
      try file.resize(to: 64 << 30)
      try file.close()
      let small = try folder.write(Data([1]), to: "small")
      let program = try Program(
        "aio-pool", ["--threads", "2", small, folder["huge"], folder["huge"]])
      usleep(300_000)
      program.send(signal)
      let outcome = program.outcome()
      #expect(outcome.status == 128 + signal)
      #expect(outcome.complaint == "aio-pool: interrupted\n")
      // What was there before stays.
      #expect(outcome.output == (try sha256sum([small])))
    }

    @Test func aTerminalSeesHowFarItIs() throws {
      let file = try FileDescriptor.open(
        folder["large"], .writeOnly, options: .create, permissions: .ownerReadWrite)
      try file.resize(to: 400 << 20)
      try file.close()
      var program: CInt = -1
      var terminal: CInt = -1
      try #require(aiogs_test_open_terminal(&program, &terminal) == 0)
      defer { close(terminal) }
      let path = try Program.url("aio-pool").path
      let pool = try Program([path, folder["large"]], terminal: program)
      close(program)
      let outcome = pool.outcome()
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = read(terminal, &bytes, bytes.count)
      let text = String(decoding: bytes[..<max(count, 0)], as: UTF8.self)
      #expect(outcome.status == 0)
      #expect(text.contains("0 of 1 files") && text.contains("MB/s"))
      #expect(text.hasSuffix("\r\u{1B}[K"))
    }
  }
}
