// aio-pool: the SHA-256 of files, computed by a pool of IOThreads with an actor on each, under GLib's main loop. Its exit
// status: 0 if all files were read, 1 if one was not, 64 for options that make no sense, 128 + N where signal N ended it.

import AioGSource
import ArgumentParser
import Glibc
import SystemPackage

@main
struct AioPool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aio-pool",
    abstract: "Prints the SHA-256 of files, which several threads compute.",
    discussion: """
      Each thread is an IOThread with an actor on it, which takes one file after the other, several at a time, and reads \
      them by the asynchronous I/O of its thread. The lines are those of sha256sum, in the order of the files.
      """)

  @Option(help: "How many threads share the work; as many as there are CPUs unless given.")
  var threads: Int?

  @Option(help: "How many files each of them has under way at a time.")
  var depth = 4

  @Flag(help: "Print one JSON object in place of the lines.")
  var json = false

  @Argument(help: "The files.")
  var files: [String]

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is between 1 and 256, not \(threads).")
    }
    guard (1...1024).contains(depth) else {
      throw ValidationError("--depth is between 1 and 1024, not \(depth).")
    }
    guard !files.isEmpty else { throw ValidationError("There is no file.") }
  }

  func run() throws {
    let status: Int32
    do {
      status = try MainThread().run(digestAll)
    } catch {
      complain("\(error)")
      status = 1
    }
    if status != 0 { throw ExitCode(status) }
  }

  /// What the main thread's task does: starts the pool, shows what comes of it, in order, and ends it.
  private func digestAll(_ mainThread: MainThread) async throws(AioError) -> Int32 {
    let threads = self.threads ?? min(max(sysconf(CInt(_SC_NPROCESSORS_ONLN)), 1), 256)
    let list = FileList(files, on: mainThread.context)
    let digesters = try (0..<min(threads, files.count)).map { number throws(AioError) in
      try Digester(number: number)
    }
    let progress = Progress(of: files.count, by: digesters)
    let output = Output(isJSON: json, threads: threads, depth: depth)
    let isComplete = await withTaskGroup { group in
      // The first files are dealt, so that few are shared fairly.
      for (index, file) in await list.next(digesters.count * depth).enumerated() {
        let digester = digesters[index % digesters.count]
        group.addTask(executorPreference: digester.thread.context.taskExecutor) {
          await digester.work(on: file, andThenOff: list)
        }
      }
      group.addTask { await progress.draw(every: .milliseconds(100), on: mainThread.context) }
      group.addTask { for await signal in mainThread.signals { await list.close(by: signal) } }
      defer { group.cancelAll() }
      for file in files {
        guard let outcome = await list.nextOutcome() else { return false }
        progress.clear()
        output.show(outcome, of: file)
        progress.fileIsDone()
      }
      return true
    }
    progress.clear()
    for digester in digesters { await digester.thread.shutDown(waitingFor: .zero) }
    if !isComplete {
      complain("interrupted")
      return await 128 + (list.signal ?? 0)
    }
    return output.end()
  }
}

/// Says one clear line on stderr.
func complain(_ sentence: String) {
  _ = try? FileDescriptor.standardError.writeAll("aio-pool: \(sentence)\n".utf8)
}
