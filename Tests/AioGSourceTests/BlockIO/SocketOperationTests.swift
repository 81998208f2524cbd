// What each operation on a socket does, with a ring and without one, and waiting for a descriptor or a time.

import CLiburing
import Foundation
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct SocketOperationTests {
    /// A listening Unix socket at a path of its own.
    private final class Listener {
      let address: SocketAddress
      let descriptor: FileDescriptor
      private let path = FileManager.default.temporaryDirectory.path + "/aio-\(UUID().uuidString)"

      init(blocking: Bool) throws {
        address = try #require(SocketAddress(unixPath: path))
        descriptor = try Self.socket(blocking: blocking)
        let status = address.withSocketAddress { bind(descriptor.rawValue, $0, $1) }
        try #require(status == 0)
        try #require(listen(descriptor.rawValue, 16) == 0)
      }

      static func socket(blocking: Bool) throws -> FileDescriptor {
        let flags = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let number = Glibc.socket(
          AF_UNIX, flags | (blocking ? 0 : CInt(SOCK_NONBLOCK.rawValue)), 0)
        try #require(number >= 0)
        return FileDescriptor(rawValue: number)
      }

      deinit {
        try? descriptor.close()
        unlink(path)
      }
    }

    @Test(arguments: EngineCombination.all)
    func acceptsAndConnects(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      for blocking in [true, false] {
        let listener = try Listener(blocking: blocking)
        let accepted = Box<Result<AcceptedConnection, Errno>?>(nil)
        loop.engine.accept(on: listener.descriptor) { accepted.value = $0 }
        loop.loop.settle()
        #expect(accepted.value == nil)
        let client = try Listener.socket(blocking: blocking)
        defer { try? client.close() }
        let connected = try loop.await {
          loop.engine.connect(client, to: listener.address, completion: $0)
        }
        #expect(connected == .success(0))
        #expect(loop.loop.run { accepted.value != nil })
        let server = try #require(try accepted.value?.get()).descriptor
        defer { try? server.close() }
        #expect(fcntl(server.rawValue, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(server.rawValue, F_GETFD) & FD_CLOEXEC != 0)
        try exchange(loop, client, server)
      }
    }

    /// Bytes both ways, then the end.
    private func exchange(_ loop: EngineLoop, _ client: FileDescriptor, _ server: FileDescriptor)
      throws
    {
      let buffer = AIOBuffer(count: 64)
      let outcome = Box<Result<Int, Errno>?>(nil)
      loop.engine.receive(on: server, into: buffer, range: 8..<64) { outcome.value = $0 }
      loop.loop.settle()
      #expect(outcome.value == nil)
      let message = AIOBuffer(Array("ping".utf8))
      let sent = try loop.await { loop.engine.send(on: client, from: message, completion: $0) }
      #expect(sent == .success(4))
      #expect(loop.loop.run { outcome.value != nil })
      #expect(outcome.value == .success(4))
      #expect(buffer.contents[8..<12] == message.contents[...])
      let shut = try loop.await { loop.engine.shutDown(client, .sending, completion: $0) }
      #expect(shut == .success(0))
      let end = try loop.await { loop.engine.receive(on: server, into: buffer, completion: $0) }
      #expect(end == .success(0))
    }

    @Test(arguments: EngineCombination.all)
    func connectsOverTheInternetProtocol(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let listener = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
      defer { Glibc.close(listener) }
      let any = try #require(SocketAddress(ipv4: "127.0.0.1", port: 0))
      try #require(any.withSocketAddress { bind(listener, $0, $1) } == 0)
      try #require(listen(listener, 4) == 0)
      var name = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      _ = withUnsafeMutablePointer(to: &name) {
        getsockname(
          listener, UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self), &length)
      }
      let port = UInt16(bigEndian: name.sin_port)
      let address = try #require(SocketAddress(ipv4: "127.0.0.1", port: port))
      #expect(address.description == "127.0.0.1:\(port)")
      let client = FileDescriptor(
        rawValue: Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0))
      defer { try? client.close() }
      let accepted = Box<Result<AcceptedConnection, Errno>?>(nil)
      loop.engine.accept(on: FileDescriptor(rawValue: listener)) { accepted.value = $0 }
      let connected = try loop.await { loop.engine.connect(client, to: address, completion: $0) }
      #expect(connected == .success(0))
      #expect(loop.loop.run { accepted.value != nil })
      let connection = try #require(try accepted.value?.get())
      defer { try? connection.descriptor.close() }
      #expect(connection.peer.family == AF_INET)
      #expect(connection.peer.description.hasPrefix("127.0.0.1:"))
    }

    @Test(arguments: EngineCombination.all)
    func descriptorsGoAlongWithAMessage(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      let file = try TemporaryFile(Array("carried".utf8))
      let parts = [AIOBuffer(Array("ab".utf8)), AIOBuffer(Array("cde".utf8))]
      let received = Box<Result<ReceivedMessage, Errno>?>(nil)
      let into = [AIOBuffer(count: 3), AIOBuffer(count: 10)]
      loop.engine.receiveMessage(on: pair.reader, into: into) { received.value = $0 }
      let sent = try loop.await {
        loop.engine.sendMessage(
          on: pair.writer, from: parts, control: [.descriptors([file.descriptor])], completion: $0)
      }
      #expect(sent == .success(5))
      #expect(loop.loop.run { received.value != nil })
      let message = try #require(try received.value?.get())
      #expect(message.count == 5)
      #expect(into[0].contents == Array("abc".utf8))
      #expect(into[1].contents[..<2] == Array("de".utf8)[...])
      let carried = try #require(message.control.flatMap { $0.descriptors }.first)
      defer { try? carried.close() }
      #expect(fcntl(carried.rawValue, F_GETFD) & FD_CLOEXEC != 0)
      var text = [UInt8](repeating: 0, count: 7)
      #expect(pread(carried.rawValue, &text, 7, 0) == 7)
      #expect(text == Array("carried".utf8))
    }

    @Test(arguments: EngineCombination.all)
    func aMessageIsMadeOfPartsOfBuffers(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      let first = AIOBuffer(Array("-ab-".utf8))
      let second = AIOBuffer(Array("cdef".utf8))
      let sent = try loop.await {
        loop.engine.sendMessage(
          on: pair.writer,
          from: [
            AIOBuffer.Slice(first, 1..<3), AIOBuffer.Slice(second, 2..<2),
            AIOBuffer.Slice(second, 0..<2), AIOBuffer.Slice(second, 2..<4),
          ], completion: $0)
      }
      #expect(sent == .success(6))
      let into = AIOBuffer(count: 8)
      let received = try loop.await {
        loop.engine.receive(on: pair.reader, into: into, completion: $0)
      }
      #expect(received == .success(6))
      #expect(into.contents[..<6] == Array("abcdef".utf8)[...])
    }

    @Test(arguments: EngineCombination.all)
    func aDatagramHasASender(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let directory = FileManager.default.temporaryDirectory.path
      let paths = (0..<2).map { _ in directory + "/aio-\(UUID().uuidString)" }
      let addresses = try paths.map { try #require(SocketAddress(unixPath: $0)) }
      let sockets = try addresses.map { address in
        let number = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        try #require(address.withSocketAddress { bind(number, $0, $1) } == 0)
        return FileDescriptor(rawValue: number)
      }
      defer {
        for socket in sockets { try? socket.close() }
        for path in paths { unlink(path) }
      }
      let text = AIOBuffer(Array("datagram".utf8))
      let sent = try loop.await {
        loop.engine.sendMessage(on: sockets[0], from: [text], to: addresses[1], completion: $0)
      }
      #expect(sent == .success(8))
      let message = try loop.await {
        loop.engine.receiveMessage(on: sockets[1], into: [AIOBuffer(count: 20)], completion: $0)
      }.get()
      #expect(message.count == 8)
      #expect(message.sender == addresses[0])
      #expect(message.control.isEmpty)
    }

    @Test(arguments: EngineCombination.all)
    func manyReceiversOnOneSocketEachGetSomething(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      let done = Counter()
      let bytes = Counter()
      for _ in 0..<10 {
        loop.engine.receive(on: pair.reader, into: AIOBuffer(count: 1)) {
          if $0 == .success(1) { bytes.increment() }
          done.increment()
        }
      }
      loop.loop.settle()
      #expect(done.value == 0)
      pair.write("0123456789")
      #expect(loop.loop.run { done.value == 10 })
      #expect(bytes.value == 10)
    }

    @Test(arguments: EngineCombination.all)
    func waitsForADescriptorBesideAHandlerForIt(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.pipe()
      let handled = Counter()
      let outcome = Box<Result<Int, Errno>?>(nil)
      // Drained at once, it might not be readable any more for the one who only waits.
      try loop.context.setHandler(
        for: pair.reader,
        onReadable: {
          handled.increment()
          if outcome.value != nil { pair.drain() }
        })
      loop.engine.poll(pair.reader, for: Int16(POLLIN)) { outcome.value = $0 }
      loop.loop.settle()
      #expect(outcome.value == nil && handled.value == 0)
      pair.write()
      #expect(loop.loop.run { outcome.value != nil && handled.value > 0 })
      #expect(try #require(try outcome.value?.get()) & Int(POLLIN) != 0)
      loop.context.removeHandler(for: pair.reader)
      // A file that epoll refuses is always ready.
      let file = try TemporaryFile(randomBytes(10))
      let ready = try loop.await {
        loop.engine.poll(file.descriptor, for: Int16(POLLIN), completion: $0)
      }
      #expect(try ready.get() & Int(POLLIN) != 0)
    }

    @Test(arguments: EngineCombination.all)
    func aTimeoutComesAfterItsTime(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let start = monotonicNow()
      let result = try loop.await {
        loop.engine.timeout(after: .milliseconds(20), completion: $0)
      }
      #expect(result == .success(0))
      let elapsed = monotonicNow() - start
      #expect(elapsed >= 20_000_000 && elapsed < 2_000_000_000)
    }

    /// A worker that waited in read(2) could not be called back.
    @Test(arguments: EngineCombination.all)
    func whatBlocksAndCannotBeToldNotToIsNotWaitedForByAWorker(_ combination: EngineCombination)
      throws
    {
      let loop = try EngineLoop(combination)
      let watch = FileDescriptor(rawValue: inotify_init1(0))
      defer { try? watch.close() }
      let outcome = Box<Result<Int, Errno>?>(nil)
      let cancelled = loop.engine.read(from: watch, into: AIOBuffer(count: 512)) {
        outcome.value = $0
      }
      loop.loop.settle()
      sleep(milliseconds: 2)
      cancelled.cancelAndWait()
      #expect(outcome.value == .failure(.canceled))
      try #require(inotify_add_watch(watch.rawValue, "/tmp", UInt32(IN_CREATE)) >= 0)
      let path = "/tmp/aio-test-inotify-\(getpid())"
      let result = try loop.await { completion in
        let request = loop.engine.read(
          from: watch, into: AIOBuffer(count: 4_096), completion: completion)
        close(creat(path, 0o600))
        unlink(path)
        return request
      }
      #expect(try result.get() > 0)
    }

    @Test(arguments: EngineCombination.all)
    func aCallersOwnSubmission(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let events = Box<[RawCompletion]>([])
      guard combination.engine == .ioURing else {
        #expect(throws: Errno.notSupported) {
          try loop.engine.submit({ _ in }, completion: { _ in })
        }
        return
      }
      let notifier = try EventNotifier()
      let descriptor = notifier.fileDescriptor.rawValue
      // Multishot: completes several times, and is over when it is cancelled.
      let request = try loop.engine.submit(
        {
          $0.pointee.opcode = UInt8(IORING_OP_POLL_ADD.rawValue)
          $0.pointee.fd = descriptor
          $0.pointee.poll32_events = UInt32(POLLIN)
          $0.pointee.len = UInt32(IORING_POLL_ADD_MULTI)
        }, completion: { event in events.update { $0.append(event) } })
      for count in 1...3 {
        try notifier.set()
        #expect(loop.loop.run { events.value.count == count })
        notifier.testAndClear()
        #expect(events.value.last?.isLast == false)
        #expect(!request.isFinished)
      }
      request.cancelAndWait()
      #expect(request.isFinished)
      #expect(events.value.last == RawCompletion(result: -ECANCELED, flags: 0, isLast: true))
      #expect(events.value.filter { $0.isLast }.count == 1)
    }

    @Test(arguments: EngineCombination.all)
    func aCallersSubmissionCompletesHoweverItWasPrepared(_ combination: EngineCombination) throws {
      guard combination.engine == .ioURing else { return }
      let loop = try EngineLoop(combination)
      let events = Box<[RawCompletion]>([])
      let request = try loop.engine.submit(
        {
          $0.pointee.opcode = UInt8(IORING_OP_NOP.rawValue)
          $0.pointee.flags = UInt8(1 << IOSQE_CQE_SKIP_SUCCESS_BIT)
        }, completion: { event in events.update { $0.append(event) } })
      #expect(loop.loop.run(limit: .seconds(2)) { request.isFinished })
      #expect(events.value == [RawCompletion(result: 0, flags: 0, isLast: true)])
    }

    /// A datagram is sent whole or not at all.
    @Test(arguments: EngineCombination.all)
    func aMessageOfTooManyBuffersIsRefused(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      var ends: [CInt] = [-1, -1]
      try #require(socketpair(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0, &ends) == 0)
      defer { for end in ends { close(end) } }
      let result = try loop.await {
        loop.engine.sendMessage(
          on: FileDescriptor(rawValue: ends[0]),
          from: (0..<1_025).map { _ in AIOBuffer(count: 1, alignment: 1) }, completion: $0)
      }
      #expect(result == .failure(.messageTooLong))
    }

    @Test func anAddressThatIsCutShortIsNobodys() {
      let whole = SocketAddress(ipv4: "127.0.0.1", port: 80)!
      #expect(whole.description == "127.0.0.1:80")
      for length in 0..<8 {
        #expect(SocketAddress(bytes: Array(whole.bytes[..<length])).description == "nobody")
      }
      let other = SocketAddress(ipv6: "::1", port: 80)!
      #expect(SocketAddress(bytes: Array(other.bytes[..<20])).description == "nobody")
    }
  }
}
