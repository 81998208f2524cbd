// Row echo.64b: a server that sends back what comes, on the port of the loopback device that it prints. One loop, on the
// main thread.

import AioGSource
import Glibc
import Measuring
import SystemPackage

func serve() throws -> Never {
  var configuration = AioContext.Configuration()
  if let name = Arguments.value(of: "--monitor") {
    guard let kind = MonitorKind(rawValue: name) else { fail("there is no monitor '\(name)'") }
    configuration.monitor = .demanded(kind)
  }
  let context = try AioContext(name: "echo", configuration: configuration)
  let (listener, port) = listen()
  print(port)
  fflush(nil)
  acceptNext(on: listener, context, useHandlers: Arguments.has("--handlers"))
  while true { context.poll(blocking: true) }
}

private func acceptNext(on listener: FileDescriptor, _ context: AioContext, useHandlers: Bool) {
  context.io.accept(on: listener) { result in
    if case .success(let connection) = result {
      var on: CInt = 1
      setsockopt(
        connection.descriptor.rawValue, CInt(IPPROTO_TCP), TCP_NODELAY, &on,
        socklen_t(MemoryLayout<CInt>.size))
      if useHandlers {
        HandlerEcho(context, connection.descriptor).begin()
      } else {
        EngineEcho(context.io, connection.descriptor).receive()
      }
    }
    acceptNext(on: listener, context, useHandlers: useHandlers)
  }
}

private func listen() -> (FileDescriptor, Int) {
  let socket = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let status = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
      bind(socket, address, length) == 0 && Glibc.listen(socket, 128) == 0
        && getsockname(socket, address, &length) == 0
    }
  }
  check(socket >= 0 && status, "cannot listen: \(Errno(rawValue: errno))")
  return (FileDescriptor(rawValue: socket), Int(address.sin_port.bigEndian))
}

/// A connection whose requests are the engine's: what was received is sent from where it stands. Home thread.
private final class EngineEcho: @unchecked Sendable {
  private let engine: AIOEngine
  private let socket: FileDescriptor
  private let buffer = AIOBuffer(count: 16_384)
  private var sent = 0
  private var count = 0

  init(_ engine: AIOEngine, _ socket: FileDescriptor) {
    self.engine = engine
    self.socket = socket
  }

  func receive() {
    engine.receive(on: socket, into: buffer) { [self] result in
      guard case .success(let count) = result, count > 0 else { return close() }
      self.count = count
      sent = 0
      send()
    }
  }

  private func send() {
    engine.send(on: socket, from: buffer, range: sent..<count) { [self] result in
      guard case .success(let more) = result else { return close() }
      sent += more
      if sent < count { send() } else { receive() }
    }
  }

  private func close() {
    try? socket.close()
  }
}

/// A connection with a handler, whose callbacks make the system calls. Home thread.
private final class HandlerEcho: @unchecked Sendable {
  /// One for all: what was received is sent before the next connection's turn, or copied.
  nonisolated(unsafe) private static let buffer = UnsafeMutableRawPointer.allocate(
    byteCount: 65536, alignment: 64)

  private let context: AioContext
  private let socket: FileDescriptor
  /// What did not go at once.
  private var rest: [UInt8] = []

  init(_ context: AioContext, _ socket: FileDescriptor) {
    self.context = context
    self.socket = socket
  }

  func begin() {
    do {
      try context.setHandler(for: socket, onReadable: { self.receive() })
    } catch {
      fail("\(error)")
    }
  }

  private func receive() {
    let count = recv(socket.rawValue, Self.buffer, 65536, 0)
    if count < 0 && errno == EAGAIN { return }
    if count <= 0 { return end() }
    let sent = send(Self.buffer, count)
    if sent < count {
      rest = Array(
        UnsafeRawBufferPointer(start: Self.buffer + sent, count: count - sent))
      try? context.setHandler(for: socket, onWritable: { self.sendRest() })
    }
  }

  private func sendRest() {
    rest.removeFirst(rest.withUnsafeBytes { send($0.baseAddress!, $0.count) })
    if rest.isEmpty { begin() }
  }

  private func send(_ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    max(Glibc.send(socket.rawValue, bytes, count, CInt(MSG_NOSIGNAL)), 0)
  }

  private func end() {
    context.removeHandler(for: socket)
    try? socket.close()
  }
}
