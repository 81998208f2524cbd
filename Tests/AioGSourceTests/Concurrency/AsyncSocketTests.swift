// The operations on sockets, awaited, and waiting for descriptors.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct AsyncSocketTests {
    @Test(arguments: EngineCombination.all)
    func aConversation(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let (engine, context) = (loop.engine, loop.context)
      let listener = try Listener()
      try loop.task {
        async let server: Int = {
          let connection = try await engine.accept(on: listener.descriptor)
          defer { try? connection.descriptor.close() }
          let buffer = AIOBuffer(count: 4096)
          var total = 0
          while true {
            let count = try await engine.receive(on: connection.descriptor, into: buffer)
            if count == 0 { return total }
            try await engine.sendAll(
              on: connection.descriptor, from: buffer, range: 0..<count)
            total += count
          }
        }()
        let client = try Listener.socket()
        defer { try? client.close() }
        try await engine.connect(client, to: listener.address)
        let text = AIOBuffer(Array("hello".utf8))
        let answer = AIOBuffer(count: 16)
        for _ in 0..<100 {
          #expect(try await engine.send(on: client, from: text) == 5)
          #expect(try await engine.receive(on: client, into: answer) == 5)
          #expect(answer.bytes.prefix(5).elementsEqual("hello".utf8))
        }
        try await engine.shutDown(client, .sending)
        #expect(try await server == 500)
        #expect(context.isHomeThread)
      }
    }

    @Test(arguments: EngineCombination.all)
    func messagesAndTheirDescriptors(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let engine = loop.engine
      let pair = Pair.sockets()
      let passed = Pair.pipe()
      try loop.task {
        let sent = try await engine.sendMessage(
          on: pair.writer, from: [AIOBuffer([1, 2])], control: [.descriptors([passed.writer])])
        #expect(sent == 2)
        let buffer = AIOBuffer(count: 8)
        let message = try await engine.receiveMessage(on: pair.reader, into: [buffer])
        #expect(message.count == 2)
        let descriptors = message.control.flatMap(\.descriptors)
        #expect(descriptors.count == 1)
        for descriptor in descriptors {
          #expect(try await engine.write(to: descriptor, from: AIOBuffer([9])) == 1)
          try await engine.close(descriptor)
        }
        #expect(try await engine.read(from: passed.reader, into: buffer) == 1)
      }
    }

    @Test(arguments: EngineCombination.all)
    func waitsUntilADescriptorIsReady(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let (engine, context) = (loop.engine, loop.context)
      let pipe = Pair.pipe()
      try loop.task {
        try await engine.writable(pipe.writer)
        async let ready: Void = engine.readable(pipe.reader)
        try await context.sleep(for: .milliseconds(5))
        pipe.write()
        try await ready
        try await context.readable(pipe.reader)
        #expect(pipe.drain() == 1)
        let waiting = Task(executorPreference: context.taskExecutor) {
          try await engine.readable(pipe.reader)
        }
        try await context.sleep(for: .milliseconds(5))
        waiting.cancel()
        await #expect(throws: Errno.canceled) { try await waiting.value }
      }
    }
  }
}

/// A listening Unix socket without a name in the file system, and sockets to connect to it.
final class Listener: Sendable {
  let address: SocketAddress
  let descriptor: FileDescriptor

  init() throws {
    let number = try Self.socket()
    // Bound to nothing but its family: the kernel chooses an abstract name.
    var family = sockaddr_un()
    family.sun_family = sa_family_t(AF_UNIX)
    let status = withUnsafePointer(to: &family) {
      bind(
        number.rawValue, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
        socklen_t(MemoryLayout<sa_family_t>.size))
    }
    try #require(status == 0)
    try #require(listen(number.rawValue, 128) == 0)
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    address = withUnsafeMutablePointer(to: &storage) {
      let pointer = UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self)
      getsockname(number.rawValue, pointer, &length)
      return SocketAddress(
        bytes: Array(UnsafeRawBufferPointer(start: pointer, count: Int(length))))
    }
    descriptor = number
  }

  static func socket() throws -> FileDescriptor {
    let flags = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let number = Glibc.socket(AF_UNIX, flags, 0)
    try #require(number >= 0)
    return FileDescriptor(rawValue: number)
  }

  deinit { try? descriptor.close() }
}
