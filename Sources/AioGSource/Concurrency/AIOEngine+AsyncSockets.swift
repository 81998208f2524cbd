// The operations on sockets, and waiting for a descriptor, awaited. From any thread; see `perform` for what cancelling does.
//
// A result that is a descriptor is never lost: an operation that succeeded although its task was cancelled returns it.

import CLiburing
import Glibc
import SystemPackage

extension AIOEngine {
  /// Accepts a connection: its descriptor, which is the caller's to close and is closed on exec, and who connected.
  ///
  /// Any task. Cancelling it cancels the request.
  ///
  /// - Parameters:
  ///   - listener: a listening socket.
  ///   - nonBlocking: whether the new descriptor has O_NONBLOCK.
  /// - Throws: the `Errno` of accept(2), and `Errno.canceled`.
  nonisolated(nonsending) public func accept(
    on listener: FileDescriptor, nonBlocking: Bool = true
  ) async throws(Errno) -> AcceptedConnection {
    let peer = PeerAddress()
    let descriptor = try await perform { engine, completion in
      engine.accept(on: listener, nonBlocking: nonBlocking, peer, completion)
    }
    return AcceptedConnection(
      descriptor: FileDescriptor(rawValue: CInt(descriptor)), peer: peer.address)
  }

  /// Connects a socket.
  nonisolated(nonsending) public func connect(
    _ socket: FileDescriptor, to address: SocketAddress
  ) async throws(Errno) {
    _ = try await perform { engine, completion in
      engine.connect(socket, to: address, completion: completion)
    }
  }

  /// Receives what there is, waiting until there is something. 0 is the end of a stream.
  ///
  /// - Parameters:
  ///   - socket: a connected socket.
  ///   - buffer: where the bytes go.
  ///   - range: which bytes of the buffer; all unless given.
  ///   - flags: `MSG_…` of recv(2).
  nonisolated(nonsending) public func receive(
    on socket: FileDescriptor, into buffer: AIOBuffer, range: Range<Int>? = nil, flags: CInt = 0
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.receive(
        on: socket, into: buffer, range: range, flags: flags, completion: completion)
    }
  }

  /// Sends as much as goes, waiting until something does; the count may be short. A peer that is gone is
  /// `Errno.brokenPipe`, and no signal.
  ///
  /// - Parameters:
  ///   - socket: a connected socket.
  ///   - buffer: where the bytes are.
  ///   - range: which bytes of the buffer; all unless given.
  ///   - flags: `MSG_…` of send(2).
  nonisolated(nonsending) public func send(
    on socket: FileDescriptor, from buffer: AIOBuffer, range: Range<Int>? = nil, flags: CInt = 0
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.send(on: socket, from: buffer, range: range, flags: flags, completion: completion)
    }
  }

  /// Sends all of a range of a buffer, in as many parts as it takes.
  ///
  /// - Throws: what ``send(on:from:range:flags:)`` throws; some of it may have been sent then.
  nonisolated(nonsending) public func sendAll(
    on socket: FileDescriptor, from buffer: AIOBuffer, range: Range<Int>? = nil, flags: CInt = 0
  ) async throws(Errno) {
    let range = range ?? 0..<buffer.count
    var next = range.lowerBound
    while next < range.upperBound {
      next += try await send(
        on: socket, from: buffer, range: next..<range.upperBound, flags: flags)
    }
  }

  /// Receives a message with its sender's address and its control messages: descriptors that were sent along, say, which
  /// are then the caller's to close.
  ///
  /// - Parameters:
  ///   - socket: a socket.
  ///   - buffers: where the bytes go, one after the other.
  ///   - controlCapacity: bytes of room for control messages.
  ///   - flags: `MSG_…` of recvmsg(2). Descriptors are received with `MSG_CMSG_CLOEXEC` in any case.
  nonisolated(nonsending) public func receiveMessage(
    on socket: FileDescriptor, into buffers: [AIOBuffer], controlCapacity: Int = 256,
    flags: CInt = 0
  ) async throws(Errno) -> ReceivedMessage {
    let message = Message(buffers, controlCapacity: controlCapacity)
    let count = try await perform { engine, completion in
      engine.receive(message, on: socket, flags: flags, completion)
    }
    return message.received(count)
  }

  /// Sends a message of several buffers, with control messages, to an address where the socket is not connected. As much
  /// as goes: the count may be short on a stream.
  nonisolated(nonsending) public func sendMessage(
    on socket: FileDescriptor, from buffers: [AIOBuffer], control: [ControlMessage] = [],
    to address: SocketAddress? = nil, flags: CInt = 0
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.sendMessage(
        on: socket, from: buffers, control: control, to: address, flags: flags,
        completion: completion)
    }
  }

  /// The same from parts of buffers, 1,024 at most.
  nonisolated(nonsending) public func sendMessage(
    on socket: FileDescriptor, from slices: [AIOBuffer.Slice], control: [ControlMessage] = [],
    to address: SocketAddress? = nil, flags: CInt = 0
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.sendMessage(
        on: socket, from: slices, control: control, to: address, flags: flags,
        completion: completion)
    }
  }

  /// Shuts down one half of a connection, or both.
  nonisolated(nonsending) public func shutDown(
    _ socket: FileDescriptor, _ mode: ShutDownMode
  ) async throws(Errno) {
    _ = try await perform { engine, completion in
      engine.shutDown(socket, mode, completion: completion)
    }
  }

  // MARK: Waiting

  /// Waits until a descriptor is ready, once: its `POLL…` events. Independent of a handler that may be set for it.
  nonisolated(nonsending) public func poll(
    _ file: FileDescriptor, for events: Int16
  ) async throws(Errno) -> Int16 {
    let ready = try await perform { engine, completion in
      engine.poll(file, for: events, completion: completion)
    }
    return Int16(truncatingIfNeeded: ready)
  }

  /// Waits until a descriptor can be read from without waiting: there is data, the other end is gone, or there is an
  /// error, which reading tells.
  nonisolated(nonsending) public func readable(
    _ file: FileDescriptor
  ) async throws(Errno) {
    _ = try await poll(file, for: Int16(POLLIN))
  }

  /// Waits until a descriptor can be written to without waiting.
  nonisolated(nonsending) public func writable(
    _ file: FileDescriptor
  ) async throws(Errno) {
    _ = try await poll(file, for: Int16(POLLOUT))
  }
}
