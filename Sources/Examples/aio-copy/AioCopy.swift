// aio-copy: a file copied through an AioContext's I/O engine inside GLib's main loop, holes as holes, and put in place
// whole or not at all. Its exit status: 0 for a copy that is on the disk, 1 for none, 64 for options that make no sense,
// 128 + N where signal N ended it.

import AioGSource
import ArgumentParser
import Glibc
import SystemPackage

@main
struct AioCopy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aio-copy",
    abstract: "Copies a file, and puts the copy in place whole or not at all.",
    discussion: """
      Holes stay holes, and the permissions are the source's. What was at the destination stays as it is until the \
      copy is on the disk; an error, SIGINT, SIGTERM or SIGHUP leaves it there.
      """)

  @Option(help: "Who carries the transfers out; auto is the best there is.")
  var engine: EngineChoice = .auto

  @Option(help: "How many blocks are under way at a time.")
  var depth = 8

  @Option(help: "Bytes of a transfer; k, M and G are understood.")
  var blockSize = BlockSize(bytes: 1 << 20)

  @Option(help: "Through the page cache, or past it with O_DIRECT.")
  var cache: CachePolicy = .writeback

  @Argument(help: "The file to copy: a regular one, or a block device.")
  var source: String

  @Argument(help: "Where to: a file, or a directory to have it under the same name.")
  var destination: String

  func validate() throws {
    guard (1...1024).contains(depth) else {
      throw ValidationError("--depth is between 1 and 1024, not \(depth).")
    }
    guard (1...BlockSize.largest).contains(blockSize.bytes) else {
      throw ValidationError("--block-size is between 1 and 1G, not \(blockSize).")
    }
    guard cache == .writeback || blockSize.bytes % Alignment.bytes == 0 else {
      throw ValidationError(
        "--block-size is a multiple of \(Alignment.bytes) with --cache none, and \(blockSize) is not."
      )
    }
    guard depth * blockSize.bytes <= 4 * BlockSize.largest else {
      throw ValidationError("--depth blocks of --block-size take more than 4G of memory.")
    }
  }

  func run() throws {
    do throws(CopyError) {
      // A file that may not grow is an error of the write, not the end of the process.
      signal(SIGXFSZ, SIG_IGN)
      let loop = try CopyLoop(engine: engine)
      let source = try Source(FilePath(source), isDirect: cache == .none)
      let destination = try Destination(destination, for: source)
      try loop.run(
        Copy(
          from: source, to: destination, with: loop.engine, depth: depth, blockSize: blockSize.bytes
        ))
    } catch {
      _ = try? FileDescriptor.standardError.writeAll("aio-copy: \(error)\n".utf8)
      throw ExitCode(error.status)
    }
  }
}
