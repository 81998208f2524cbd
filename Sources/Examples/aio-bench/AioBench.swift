// aio-bench: how many reads or writes of a file a context does, at what cost, and how long each takes.

import AioGSource
import ArgumentParser
import Foundation
import SystemPackage

enum EngineChoice: String, ExpressibleByArgument, CaseIterable {
  case auto
  case ioURing = "io_uring"
  case native
  case threads

  var kind: AIOEngine.Kind? { AIOEngine.Kind(rawValue: rawValue) }
}

enum Driver: String, ExpressibleByArgument, CaseIterable {
  case glib
  case poll
}

enum Pattern: String, ExpressibleByArgument, CaseIterable {
  case sequential
  case random
}

enum Cache: String, ExpressibleByArgument, CaseIterable {
  case writeback
  case none
}

/// Bytes, with k, M or G behind the number if one likes.
struct ByteCount: ExpressibleByArgument {
  let value: Int

  init(_ value: Int) { self.value = value }

  init?(argument: String) {
    var digits = Substring(argument)
    var unit = 1
    switch argument.last {
    case "k", "K": unit = 1 << 10
    case "M": unit = 1 << 20
    case "G": unit = 1 << 30
    default: break
    }
    if unit > 1 { digits = digits.dropLast() }
    guard let number = Int(digits), number > 0 else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit)
    if overflow { return nil }
    value = product
  }

  var defaultValueDescription: String { "\(value)" }
}

/// One clear line for stderr, and exit status 1.
struct BenchError: Error, CustomStringConvertible {
  let description: String
}

/// The user pressed Ctrl-C.
struct Interrupted: Error {}

@main
struct AioBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aio-bench",
    abstract: "Measures reads or writes of a file through an AioContext's I/O engines.",
    discussion: """
      Prints operations a second, bandwidth, CPU time an operation, and a histogram of latencies. A file that does not \
      exist is made, filled with random bytes, where --write is given, and is then known as the program's own.
      """)

  @Argument(help: "The file, or block device, to read or write.")
  var file: String

  @Option(help: "What carries the requests out; auto is the best there is.")
  var engine = EngineChoice.auto
  @Option(help: "Who runs the context: GLib's main loop, or the context itself.")
  var driver = Driver.poll
  @Option(help: "Requests under way at a time, in each context.")
  var depth = 64
  @Option(help: "Bytes of each request; k, M and G are understood.")
  var blockSize = ByteCount(4096)
  @Option(help: "Operations in all; without it, --seconds decides.")
  var count: Int?
  @Option(help: "How long to go on.")
  var seconds: Double?
  @Option(help: "In which order the file's blocks are visited.")
  var pattern = Pattern.sequential
  @Flag(help: "Write in place of read.")
  var write = false
  @Option(help: "writeback uses the page cache; none opens the file with O_DIRECT.")
  var cache = Cache.writeback
  @Option(help: "How many contexts, each on a thread of its own, share the work.")
  var contexts = 1
  @Option(help: "Size of a file that is made.")
  var size = ByteCount(256 << 20)
  @Flag(help: "Write to a file that this program did not make: what is in it is lost.")
  var force = false
  @Flag(help: "Print one JSON object in place of the text.")
  var json = false

  func validate() throws {
    if depth < 1 || depth > 65_536 { throw ValidationError("--depth is from 1 to 65536.") }
    if contexts < 1 || contexts > 256 { throw ValidationError("--contexts is from 1 to 256.") }
    if let count, count < 1 { throw ValidationError("--count is at least 1.") }
    if let seconds, !(seconds > 0 && seconds < 1e6) {
      throw ValidationError("--seconds is more than 0.")
    }
    if blockSize.value > 1 << 30 { throw ValidationError("--block-size is at most 1G.") }
    if cache == .none && blockSize.value % 512 != 0 {
      throw ValidationError("--block-size is a multiple of 512 with --cache none.")
    }
  }

  func run() throws {
    do {
      let file = try BenchFile.open(self)
      defer { file.close() }
      let result = try Run(options: self, file: file).result()
      print(json ? try result.json() : result.text())
    } catch let error as BenchError {
      FileHandle.standardError.write(Data("aio-bench: \(error)\n".utf8))
      throw ExitCode(1)
    } catch is Interrupted {
      FileHandle.standardError.write(Data("aio-bench: interrupted\n".utf8))
      throw ExitCode(130)
    }
  }
}
