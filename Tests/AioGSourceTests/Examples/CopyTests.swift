// What aio-copy promises, on each engine, through the page cache and past it: the bytes, the holes, and that what was at
// the destination stays there when there is no copy.

import AioGSource
import CTestSupport
import Foundation
import SystemPackage
import Testing

/// How a copy is made.
struct CopyWay: Hashable, Sendable, CustomTestStringConvertible {
  let engine: AIOEngine.Kind
  let cache: String
  var testDescription: String { "\(engine), cache \(cache)" }

  static let all = EngineCombination.engines.flatMap { engine in
    ["writeback", "none"].map { CopyWay(engine: engine, cache: $0) }
  }

  var options: [String] { ["--engine", engine.rawValue, "--cache", cache] }

  func copy(_ source: String, _ destination: String, _ more: [String] = []) throws -> Program {
    try Program("aio-copy", options + more + [source, destination])
  }

  /// Whether files here can be copied this way at all.
  func isPossible(in folder: Folder) throws -> Bool {
    if cache == "writeback" { return true }
    let path = try folder.write(Data(), to: "probe")
    defer { unlink(path) }
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .direct) else {
      return false
    }
    try file.close()
    return true
  }
}

extension AllTests {
  @Suite struct CopyTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    private func pattern(_ count: Int) -> Data {
      var state: UInt64 = 0x9E37_79B9_7F4A_7C15
      return Data(
        (0..<count).map { _ in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return UInt8(truncatingIfNeeded: state >> 56)
        })
    }

    private func status(_ name: String) -> stat {
      var status = stat()
      stat(folder[name], &status)
      return status
    }

    private func expectNoCopy(
      _ outcome: Program.Outcome, status: Int32 = 1, saying sentence: String
    ) {
      #expect(outcome.status == status)
      #expect(outcome.complaint.hasPrefix("aio-copy: "))
      #expect(outcome.complaint.contains(sentence), "it said: \(outcome.complaint)")
      #expect(outcome.complaint.split(separator: "\n").count == 1)
      #expect(!folder.names.contains { $0.hasPrefix(".aio-copy") })
    }

    // MARK: Copies

    @Test(arguments: CopyWay.all, [0, 1, 4096 * 3 + 17, 4096 * 2 + 512, 1 << 20, 3_000_001])
    func everyByteArrives(way: CopyWay, size: Int) throws {
      guard try way.isPossible(in: folder) else { return }
      let data = pattern(size)
      try folder.write(data, to: "source")
      chmod(folder["source"], 0o751)
      let outcome = try way.copy(folder["source"], folder["copy"], ["--block-size", "64k"])
        .outcome()
      #expect(outcome.status == 0)
      #expect(outcome.complaint == "")
      #expect(try folder.data(of: "copy") == data)
      #expect(status("copy").st_mode & 0o7777 == 0o751)
      #expect(folder.names == ["copy", "source"])
    }

    @Test(arguments: CopyWay.all) func holesStayHoles(way: CopyWay) throws {
      guard try way.isPossible(in: folder) else { return }
      let file = try FileDescriptor.open(
        folder["source"], .readWrite, options: .create, permissions: .ownerReadWrite)
      for (offset, count) in [(5, 1), (1_048_575, 2), (700 * 4096 + 17, 9000), (9_000_001, 70_000)]
      {
        _ = try file.writeAll(toAbsoluteOffset: Int64(offset), pattern(count))
      }
      try file.resize(to: 20_000_003)
      try file.close()
      let outcome = try way.copy(
        folder["source"], folder["copy"], ["--block-size", "16k", "--depth", "3"]
      ).outcome()
      #expect(outcome.status == 0)
      #expect(try folder.data(of: "copy") == (try folder.data(of: "source")))
      // In blocks of 512 bytes: what the file system needs to keep account of them may differ.
      #expect(status("copy").st_blocks <= status("source").st_blocks + 128)
    }

    @Test func aBlockMayBeOfAnySizeThroughThePageCache() throws {
      let data = pattern(10_000)
      try folder.write(data, to: "source")
      let outcome = try Program(
        "aio-copy", ["--block-size", "999", folder["source"], folder["copy"]]
      ).outcome()
      #expect(outcome.status == 0)
      #expect(try folder.data(of: "copy") == data)
    }

    @Test func aDirectoryGetsItUnderItsName() throws {
      try folder.write(pattern(5000), to: "source")
      mkdir(folder["directory"], 0o755)
      let outcome = try Program("aio-copy", [folder["source"], folder["directory"]]).outcome()
      #expect(outcome.status == 0)
      #expect(try folder.data(of: "directory/source") == pattern(5000))
    }

    @Test func aLinkStaysOneToTheNewFile() throws {
      try folder.write(pattern(5000), to: "source")
      try folder.write(Data("old".utf8), to: "file")
      symlink("file", folder["link"])
      let outcome = try Program("aio-copy", [folder["source"], folder["link"]]).outcome()
      #expect(outcome.status == 0)
      #expect(try folder.data(of: "file") == pattern(5000))
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder["link"]) == "file")
    }

    @Test func aTerminalSeesHowFarItIs() throws {
      try folder.write(pattern(100_000), to: "source")
      var program: CInt = -1
      var terminal: CInt = -1
      try #require(aiogs_test_open_terminal(&program, &terminal) == 0)
      defer { close(terminal) }
      let path = try Program.url("aio-copy").path
      let copy = try Program([path, folder["source"], folder["copy"]], terminal: program)
      close(program)
      let status = copy.outcome().status
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = read(terminal, &bytes, bytes.count)
      let text = String(decoding: bytes[..<max(count, 0)], as: UTF8.self)
      #expect(status == 0)
      #expect(text.contains("100%") && text.contains("MB/s"))
    }

    // MARK: No copy

    @Test func whatCannotBeCopiedIsSaid() throws {
      try folder.write(pattern(100), to: "source")
      mkdir(folder["directory"], 0o755)
      link(folder["source"], folder["other name"])
      symlink("nothing", folder["dangling"])
      for (source, destination, sentence) in [
        ("missing", "copy", "No such file or directory"),
        ("directory", "copy", "Is a directory"),
        ("source", "source", "the same file"),
        ("source", "other name", "the same file"),
        ("source", "missing/copy", "No such file or directory"),
        ("source", "missing/", "not a directory"),
        ("source", "source/copy", "Not a directory"),
        ("source", "dangling", "No such file or directory"),
      ] {
        let outcome = try Program("aio-copy", [folder[source], folder[destination]]).outcome()
        expectNoCopy(outcome, saying: sentence)
      }
      expectNoCopy(
        try Program("aio-copy", [folder["source"], "/dev/null"]).outcome(),
        saying: "cannot write /dev/null: it is not a regular file")
      expectNoCopy(
        try Program("aio-copy", ["/proc/version", folder["copy"]]).outcome(),
        saying: "does not say how long it is")
      #expect(folder.names == ["dangling", "directory", "other name", "source"])
      #expect(try folder.data(of: "source") == pattern(100))
    }

    @Test func optionsThatMakeNoSenseAreRefused() throws {
      try folder.write(pattern(100), to: "source")
      for options in [
        ["--depth", "0"], ["--block-size", "0"], ["--block-size", "-1"], ["--block-size", "1x"],
        ["--block-size", "1000", "--cache", "none"], ["--engine", "none"],
        ["--block-size", "9999999999999G"], ["--block-size", "1G", "--depth", "9"],
      ] {
        let outcome = try Program("aio-copy", options + [folder["source"], folder["copy"]])
          .outcome()
        #expect(outcome.status == 64)
        #expect(folder.names == ["source"])
      }
    }

    @Test func anEngineThatIsNotThereIsRefused() throws {
      guard aiogs_test_denies_io_uring() else { return }
      try folder.write(pattern(100), to: "source")
      expectNoCopy(
        try Program("aio-copy", ["--engine", "io_uring", folder["source"], folder["copy"]])
          .outcome(),
        saying: "the io_uring engine is not available here")
      #expect(try Program("aio-copy", [folder["source"], folder["copy"]]).outcome().status == 0)
    }

    @Test(arguments: CopyWay.all) func aFileThatMayNotGrowLeavesTheOldOne(way: CopyWay) throws {
      guard try way.isPossible(in: folder) else { return }
      try folder.write(pattern(2_000_000), to: "source")
      try folder.write(Data("old".utf8), to: "copy")
      let arguments = way.options + ["--block-size", "64k", folder["source"], folder["copy"]]
      expectNoCopy(
        try Program("aio-copy", arguments, limit: 2000).outcome(),
        saying: "cannot write \(folder["copy"]): File too large")
      #expect(try folder.data(of: "copy") == Data("old".utf8))
    }

    @Test(arguments: CopyWay.all) func aFullDiskLeavesTheOldFile(way: CopyWay) throws {
      mkdir(folder["disk"], 0o755)
      guard try mount(["-t", "tmpfs", "-o", "size=1M", "tmpfs", folder["disk"]]) else { return }
      defer { _ = umount2(folder["disk"], 0) }
      try folder.write(pattern(2_000_000), to: "source")
      try folder.write(Data("old".utf8), to: "disk/copy")
      let outcome = try way.copy(folder["source"], folder["disk/copy"]).outcome()
      if outcome.complaint.contains("O_DIRECT") { return }
      expectNoCopy(outcome, saying: "cannot write \(folder["disk/copy"]): No space left on device")
      #expect(try folder.data(of: "disk/copy") == Data("old".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder["disk"]) == ["copy"])
      try #require(try mount(["-o", "remount,ro", folder["disk"]]))
      expectNoCopy(
        try way.copy(folder["source"], folder["disk/copy"]).outcome(),
        saying: "cannot write \(folder["disk/copy"]): Read-only file system")
    }

    @Test(arguments: CopyWay.all) func whatCannotBeReadIsSaid(way: CopyWay) throws {
      // A disk that ends before it should: the file that it is a view of was cut.
      try folder.write(pattern(1 << 20), to: "image")
      guard geteuid() == 0,
        let device = try output("losetup", ["-f", "--show", folder["image"]])
      else { return }
      defer { _ = try? output("losetup", ["-d", device]) }
      try folder.write(Data("old".utf8), to: "copy")
      #expect(truncate(folder["image"], 1 << 19) == 0)
      guard try way.isPossible(in: folder) else { return }
      expectNoCopy(
        try way.copy(device, folder["copy"], ["--depth", "1", "--block-size", "64k"]).outcome(),
        saying: "cannot read \(device) at offset 524288 (65536 bytes): Input/output error")
      #expect(try folder.data(of: "copy") == Data("old".utf8))
    }

    // MARK: In the middle

    /// A copy that takes long, and has begun: of data, in MiB, and of as long a hole.
    private func begin(_ way: CopyWay, data: Int = 128) throws -> Program {
      try folder.write(Data("old".utf8), to: "copy")
      let file = try FileDescriptor.open(
        folder["source"], .readWrite, options: .create, permissions: .ownerReadWrite)
      let block = pattern(1 << 20)
      for _ in 0..<data { try file.writeAll(block) }
      try file.resize(to: Int64(data) << 21)
      try file.close()
      let blockSize = way.cache == "none" ? "4096" : "256"
      let program = try way.copy(
        folder["source"], folder["copy"], ["--depth", "1", "--block-size", blockSize])
      for _ in 0..<10_000 {
        if let name = folder.names.first(where: { $0.hasPrefix(".aio-copy") }),
          status(name).st_size > 0
        {
          return program
        }
        usleep(1_000)
      }
      Issue.record("the copy did not begin")
      return program
    }

    @Test(arguments: CopyWay.all, [SIGINT, SIGTERM, SIGHUP])
    func aSignalLeavesTheOldFile(way: CopyWay, signal: Int32) throws {
      guard try way.isPossible(in: folder) else { return }
      let program = try begin(way)
      program.send(signal)
      expectNoCopy(program.outcome(), status: 128 + signal, saying: "interrupted")
      #expect(folder.names == ["copy", "source"])
      #expect(try folder.data(of: "copy") == Data("old".utf8))
    }

    @Test(arguments: CopyWay.all) func aSourceThatShrinksIsNotCopied(way: CopyWay) throws {
      guard try way.isPossible(in: folder) else { return }
      let program = try begin(way)
      #expect(truncate(folder["source"], 100) == 0)
      expectNoCopy(program.outcome(), saying: "became shorter while it was copied")
      #expect(try folder.data(of: "copy") == Data("old".utf8))
    }

    @Test func aSourceThatLosesOnlyItsHoleIsNotCopiedEither() throws {
      let program = try begin(CopyWay(engine: .threads, cache: "writeback"), data: 8)
      #expect(truncate(folder["source"], 9 << 20) == 0)
      expectNoCopy(program.outcome(), saying: "became shorter while it was copied")
    }

    // MARK: Programs of the system's

    private func mount(_ arguments: [String]) throws -> Bool {
      if geteuid() != 0 { return false }
      return try output("mount", arguments) != nil
    }

    /// What it prints; nil if it fails, or is not there.
    private func output(_ name: String, _ arguments: [String]) throws -> String? {
      let outcome = try Program(["/usr/bin/env", name] + arguments).outcome()
      if outcome.status != 0 { return nil }
      return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}
