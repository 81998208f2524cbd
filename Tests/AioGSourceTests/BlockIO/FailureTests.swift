// Errors arrive as the errno that the system call itself has, on every engine.

import CLiburing
import Foundation
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct FailureTests {
    /// A descriptor that is not open.
    private let closed = FileDescriptor(rawValue: 19_999)

    /// Checks what an operation fails with.
    private func expect(
      _ loop: EngineLoop, _ error: Errno,
      _ operation: (@escaping AIOEngine.Completion) -> AIORequest,
      _ location: SourceLocation = #_sourceLocation
    ) throws {
      let result = try loop.await(operation)
      #expect(result == .failure(error), sourceLocation: location)
    }

    @Test(arguments: EngineCombination.all)
    func everyOperationOnAClosedDescriptor(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let engine = loop.engine
      let buffer = AIOBuffer(count: 512)
      let address = try #require(SocketAddress(unixPath: "nowhere"))
      typealias Operation = (String, (@escaping AIOEngine.Completion) -> AIORequest)
      let operations: [Operation] = [
        ("read", { engine.read(from: closed, at: 0, into: buffer, completion: $0) }),
        ("write", { engine.write(to: closed, at: 0, from: buffer, completion: $0) }),
        ("readv", { engine.read(from: closed, at: 0, into: [buffer], completion: $0) }),
        ("writev", { engine.write(to: closed, at: 0, from: [buffer], completion: $0) }),
        ("stream read", { engine.read(from: closed, into: buffer, completion: $0) }),
        ("stream write", { engine.write(to: closed, from: buffer, completion: $0) }),
        ("fsync", { engine.synchronize(closed, completion: $0) }),
        ("fdatasync", { engine.synchronize(closed, dataOnly: true, completion: $0) }),
        ("fallocate", { engine.allocate(.allocate, 0..<10, in: closed, completion: $0) }),
        ("close", { engine.close(closed, completion: $0) }),
        ("connect", { engine.connect(closed, to: address, completion: $0) }),
        ("recv", { engine.receive(on: closed, into: buffer, completion: $0) }),
        ("send", { engine.send(on: closed, from: buffer, completion: $0) }),
        ("sendmsg", { engine.sendMessage(on: closed, from: [buffer], completion: $0) }),
        ("shutdown", { engine.shutDown(closed, .both, completion: $0) }),
        ("poll", { engine.poll(closed, for: Int16(POLLIN), completion: $0) }),
      ]
      for (name, operation) in operations {
        let result = try loop.await(operation)
        #expect(result == .failure(.badFileDescriptor), "\(name)")
      }
      let status = try loop.await { engine.status(of: closed, completion: $0) }
      #expect(status == .failure(.badFileDescriptor))
      let accepted = try loop.await { engine.accept(on: closed, completion: $0) }
      #expect(accepted == .failure(.badFileDescriptor))
      let message = try loop.await {
        engine.receiveMessage(on: closed, into: [buffer], completion: $0)
      }
      #expect(message == .failure(.badFileDescriptor))
      let opened = try loop.await {
        engine.open("relative", in: closed, .readOnly, completion: $0)
      }
      #expect(opened == .failure(.badFileDescriptor))
    }

    @Test(arguments: EngineCombination.all)
    func filesThatRefuse(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let engine = loop.engine
      let buffer = AIOBuffer(count: 4_096)
      let file = try TemporaryFile(randomBytes(4_096))
      let readOnly = try FileDescriptor.open(file.path, .readOnly)
      let writeOnly = try FileDescriptor.open(file.path, .writeOnly)
      let full = try FileDescriptor.open("/dev/full", .readWrite)
      let directory = try FileDescriptor.open("/", .readOnly)
      defer { for file in [readOnly, writeOnly, full, directory] { try? file.close() } }
      try expect(loop, .badFileDescriptor) {
        engine.write(to: readOnly, at: 0, from: buffer, completion: $0)
      }
      try expect(loop, .badFileDescriptor) {
        engine.read(from: writeOnly, at: 0, into: buffer, completion: $0)
      }
      try expect(loop, .isDirectory) {
        engine.read(from: directory, at: 0, into: buffer, completion: $0)
      }
      try expect(loop, .noSpace) { engine.write(to: full, at: 0, from: buffer, completion: $0) }
      try expect(loop, .noSpace) { engine.write(to: full, at: 0, from: [buffer], completion: $0) }
      try expect(loop, .badFileDescriptor) {
        engine.allocate(.allocate, 0..<10, in: readOnly, completion: $0)
      }
      let pair = Pair.pipe()
      try expect(loop, .invalidArgument) { engine.synchronize(pair.reader, completion: $0) }
      try expect(loop, .invalidArgument) {
        engine.synchronize(pair.reader, dataOnly: true, completion: $0)
      }
      try expect(loop, .illegalSeek) {
        engine.allocate(.allocate, 0..<10, in: pair.writer, completion: $0)
      }
      // Not aligned, and so refused with O_DIRECT.
      let direct = try TemporaryFile(randomBytes(8_192), direct: true)
      try expect(loop, .invalidArgument) {
        engine.read(from: direct.descriptor, at: 1, into: buffer, range: 0..<512, completion: $0)
      }
      let missing = FileManager.default.temporaryDirectory.path + "/aio-missing/file"
      let opened = try loop.await { engine.open(FilePath(missing), .readOnly, completion: $0) }
      #expect(opened == .failure(.noSuchFileOrDirectory))
      let status = try loop.await { engine.status(of: FilePath(missing), completion: $0) }
      #expect(status == .failure(.noSuchFileOrDirectory))
    }

    @Test(arguments: EngineCombination.all)
    func socketsThatRefuse(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let engine = loop.engine
      let buffer = AIOBuffer(count: 16)
      let file = try TemporaryFile(randomBytes(16))
      try expect(loop, .notSocket) {
        engine.receive(on: file.descriptor, into: buffer, completion: $0)
      }
      try expect(loop, .notSocket) {
        engine.send(on: file.descriptor, from: buffer, completion: $0)
      }
      try expect(loop, .notSocket) { engine.shutDown(file.descriptor, .both, completion: $0) }
      for nonBlocking in [false, true] {
        let number = Glibc.socket(
          AF_INET,
          CInt(SOCK_STREAM.rawValue) | (nonBlocking ? CInt(SOCK_NONBLOCK.rawValue) : 0), 0)
        let socket = FileDescriptor(rawValue: number)
        defer { try? socket.close() }
        try expect(loop, .socketNotConnected) {
          engine.receive(on: socket, into: buffer, completion: $0)
        }
        try expect(loop, .brokenPipe) { engine.send(on: socket, from: buffer, completion: $0) }
        try expect(loop, .socketNotConnected) { engine.shutDown(socket, .both, completion: $0) }
        // A port of nobody's: bound, not listened to.
        let other = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(other) }
        let any = try #require(SocketAddress(ipv4: "127.0.0.1", port: 0))
        #expect(any.withSocketAddress { bind(other, $0, $1) } == 0)
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &name) {
          getsockname(
            other, UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self), &length)
        }
        let address = try #require(
          SocketAddress(ipv4: "127.0.0.1", port: UInt16(bigEndian: name.sin_port)))
        try expect(loop, .connectionRefused) { engine.connect(socket, to: address, completion: $0) }
        let accepted = try loop.await { engine.accept(on: socket, completion: $0) }
        #expect(accepted == .failure(.invalidArgument))
      }
      let pair = Pair.sockets()
      pair.closeReader()
      // And no signal ends us.
      try expect(loop, .brokenPipe) { engine.send(on: pair.writer, from: buffer, completion: $0) }
      try expect(loop, .brokenPipe) {
        engine.sendMessage(on: pair.writer, from: [buffer], completion: $0)
      }
    }

    @Test func badArgumentsTrapWithASentence() async {
      let negative = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let context = try AioContext()
        context.io.read(from: .standardInput, at: -1, into: AIOBuffer(count: 1)) { _ in }
      }
      expectSentence("a transfer at the negative offset -1 was asked for", in: negative)
      let range = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        context.io.read(from: .standardInput, at: 0, into: AIOBuffer(count: 4), range: 2..<5) { _ in
        }
      }
      expectSentence("bytes 2..<5 of a buffer of 4 were asked for", in: range)
      let slice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = AIOBuffer.Slice(AIOBuffer(count: 4), 3..<6)
      }
      expectSentence("bytes 3..<6 of a buffer of 4 were asked for", in: slice)
      let foreign = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "home")
        let engine = context.io
        TestThread {
          engine.timeout(after: .zero) { _ in }
        }.join()
      }
      expectSentence(
        "timeout(after:completion:) of AioContext 'home' was called by another thread", in: foreign)
    }
  }
}
