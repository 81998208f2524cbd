// A real file goes to a child process through one pipe and its digest comes back through another, both served by fd
// handlers. The same digest is computed in the process meanwhile.

import AioGSource
import CGLib
import Foundation
import SystemPackage

struct StreamResult {
  var bytes = 0
  var nanoseconds: Int64 = 0
  var matches = false
}

struct DigestStation {
  let loop: TourLoop
  let file: String

  /// What the callbacks share; all of them run on the main thread.
  private final class Stream: @unchecked Sendable {
    let source: FileDescriptor
    let toChild: FileDescriptor
    let fromChild: FileDescriptor
    let checksum = g_checksum_new(G_CHECKSUM_SHA256)!
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    /// What of the buffer the child has not taken yet.
    var pending = 0..<0
    var bytes = 0
    var answer: [UInt8] = []
    var isDone = false
    var failure: String?

    init(source: FileDescriptor, toChild: CInt, fromChild: CInt) {
      self.source = source
      self.toChild = FileDescriptor(rawValue: toChild)
      self.fromChild = FileDescriptor(rawValue: fromChild)
      for descriptor in [toChild, fromChild] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    }

    deinit { g_checksum_free(checksum) }

    /// Fills the pipe. True at the end of the file.
    func feed() -> Bool {
      while true {
        if pending.isEmpty {
          do {
            let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
            if count == 0 { return true }
            pending = 0..<count
            bytes += count
            buffer.withUnsafeBufferPointer {
              g_checksum_update(checksum, $0.baseAddress, gssize(count))
            }
          } catch {
            failure = "cannot read the file: \(error)"
            return true
          }
        }
        let count = buffer.withUnsafeBytes {
          write(toChild.rawValue, $0.baseAddress! + pending.lowerBound, pending.count)
        }
        if count < 0 {
          if errno == EAGAIN || errno == EINTR { return false }
          failure = "sha256sum does not take the file: \(Errno(rawValue: errno))"
          return true
        }
        pending = pending.lowerBound + count..<pending.upperBound
      }
    }

    /// Takes what the child says. True when it has said all.
    func take() -> Bool {
      var part = [UInt8](repeating: 0, count: 256)
      let count = read(fromChild.rawValue, &part, part.count)
      if count < 0 { return errno != EAGAIN && errno != EINTR }
      answer += part[..<count]
      return count == 0
    }
  }

  func run() throws -> StreamResult {
    let source: FileDescriptor
    do {
      source = try FileDescriptor.open(file, .readOnly)
    } catch {
      throw TourError(description: "cannot open \(file): \(error)")
    }
    defer { try? source.close() }
    signal(SIGPIPE, SIG_IGN)
    let (process, toChild, fromChild) = try spawn()
    let stream = Stream(source: source, toChild: toChild, fromChild: fromChild)
    let context = loop.context
    let start = AioClock.realtime.now

    let closeWriter = { @Sendable in
      context.removeHandler(for: stream.toChild)
      try? stream.toChild.close()
    }
    do {
      try context.setHandler(
        for: stream.toChild, onWritable: { if stream.feed() { closeWriter() } })
      try context.setHandler(
        for: stream.fromChild,
        onReadable: {
          if stream.take() {
            context.removeHandler(for: stream.fromChild)
            try? stream.fromChild.close()
            stream.isDone = true
          }
        })
    } catch {
      throw TourError(description: "\(error)")
    }
    defer {
      // Where Ctrl-C cut it short.
      if !stream.isDone {
        context.removeHandler(for: stream.toChild)
        context.removeHandler(for: stream.fromChild)
        kill(process, SIGTERM)
      }
      waitpid(process, nil, 0)
    }
    try loop.run { stream.isDone }
    if let failure = stream.failure { throw TourError(description: "\(file): \(failure)") }

    let digest = String(cString: g_checksum_get_string(stream.checksum))
    let answer = String(decoding: stream.answer, as: UTF8.self)
    return StreamResult(
      bytes: stream.bytes, nanoseconds: AioClock.realtime.now - start,
      matches: answer.hasPrefix(digest + " "))
  }

  /// Starts `sha256sum`: its process, and our ends of its input and output.
  private func spawn() throws -> (GPid, CInt, CInt) {
    var process: GPid = 0
    var input: gint = -1
    var output: gint = -1
    var error: UnsafeMutablePointer<GError>?
    let program = strdup("sha256sum")
    defer { free(program) }
    var arguments: [UnsafeMutablePointer<CChar>?] = [program, nil]
    let flags = GSpawnFlags(
      rawValue: G_SPAWN_SEARCH_PATH.rawValue | G_SPAWN_DO_NOT_REAP_CHILD.rawValue)
    let started = g_spawn_async_with_pipes(
      nil, &arguments, nil, flags, nil, nil, &process, &input, &output, nil, &error)
    guard started != 0 else {
      let message = error.map { String(cString: $0.pointee.message) } ?? "no reason given"
      g_clear_error(&error)
      throw TourError(description: "cannot start sha256sum: \(message)")
    }
    return (process, input, output)
  }
}
