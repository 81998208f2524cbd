// The operations on sockets, and waiting: for a descriptor, for a time. Home thread, all of them.
//
// They wait by themselves, whether the descriptor blocks or not.

import CLiburing
import Glibc
import SystemPackage

extension AIOEngine {
  /// Accepts a connection: its descriptor, which is the caller's to close and is closed on exec, and who connected.
  ///
  /// - Parameters:
  ///   - listener: a listening socket.
  ///   - nonBlocking: whether the new descriptor has O_NONBLOCK.
  ///   - completion: is given the connection.
  @discardableResult
  public func accept(
    on listener: FileDescriptor, nonBlocking: Bool = true,
    completion: @escaping @Sendable (Result<AcceptedConnection, Errno>) -> Void
  ) -> AIORequest {
    let peer = PeerAddress()
    return accept(on: listener, nonBlocking: nonBlocking, peer) { result in
      completion(
        result.map {
          AcceptedConnection(descriptor: FileDescriptor(rawValue: CInt($0)), peer: peer.address)
        })
    }
  }

  func accept(
    on listener: FileDescriptor, nonBlocking: Bool, _ peer: PeerAddress,
    _ completion: @escaping Completion
  ) -> AIORequest {
    let request = make(.accept, listener.rawValue, Transfer(.stream))
    request.pointee.flags =
      UInt32(SOCK_CLOEXEC.rawValue) | (nonBlocking ? UInt32(SOCK_NONBLOCK.rawValue) : 0)
    request.hold(peer, completion)
    return start(request)
  }

  /// Connects a socket.
  @discardableResult
  public func connect(
    _ socket: FileDescriptor, to address: SocketAddress, completion: @escaping Completion
  ) -> AIORequest {
    let held = HeldAddress(address)
    let request = make(.connect, socket.rawValue)
    request.pointee.address = held.storage
    request.pointee.offset = Int64(address.bytes.count)
    request.pointee.owner = held
    request.pointee.completion = .init(call: completion)
    return start(request)
  }

  /// Receives what there is, waiting until there is something. A count of 0 is the end of a stream.
  ///
  /// - Parameters:
  ///   - socket: a connected socket.
  ///   - buffer: where the bytes go.
  ///   - range: which bytes of the buffer; all unless given.
  ///   - flags: `MSG_…` of recv(2).
  ///   - completion: is given how many bytes were transferred.
  @discardableResult
  public func receive(
    on socket: FileDescriptor, into buffer: AIOBuffer, range: Range<Int>? = nil, flags: CInt = 0,
    completion: @escaping Completion
  ) -> AIORequest {
    exchange(.receive, socket, buffer, range, flags, completion)
  }

  /// Sends as much as goes, waiting until something does; the count may be short. A peer that is gone is
  /// `Errno.brokenPipe`, and no signal.
  ///
  /// - Parameters:
  ///   - socket: a connected socket.
  ///   - buffer: where the bytes are.
  ///   - range: which bytes of the buffer; all unless given.
  ///   - flags: `MSG_…` of send(2).
  ///   - completion: is given how many bytes were transferred.
  @discardableResult
  public func send(
    on socket: FileDescriptor, from buffer: AIOBuffer, range: Range<Int>? = nil, flags: CInt = 0,
    completion: @escaping Completion
  ) -> AIORequest {
    exchange(.send, socket, buffer, range, flags | CInt(MSG_NOSIGNAL), completion)
  }

  private func exchange(
    _ operation: Operation, _ socket: FileDescriptor, _ buffer: AIOBuffer, _ range: Range<Int>?,
    _ flags: CInt, _ completion: @escaping Completion
  ) -> AIORequest {
    let range = range ?? 0..<buffer.count
    precondition(
      range.lowerBound >= 0 && range.upperBound <= buffer.count,
      "bytes \(range) of a buffer of \(buffer.count) were asked for")
    let request = make(operation, socket.rawValue, Transfer(.stream, length: range.count))
    request.pointee.address = buffer.baseAddress + range.lowerBound
    request.pointee.flags = UInt32(bitPattern: flags)
    request.hold(buffer, completion)
    return start(request)
  }

  /// Receives a message with its sender's address and its control messages: descriptors that were sent along, say, which
  /// are then the caller's to close.
  ///
  /// - Parameters:
  ///   - socket: a socket.
  ///   - buffers: where the bytes go, one after the other.
  ///   - controlCapacity: bytes of room for control messages.
  ///   - flags: `MSG_…` of recvmsg(2). Descriptors are received with `MSG_CMSG_CLOEXEC` in any case.
  ///   - completion: is given what came.
  @discardableResult
  public func receiveMessage(
    on socket: FileDescriptor, into buffers: [AIOBuffer], controlCapacity: Int = 256,
    flags: CInt = 0,
    completion: @escaping @Sendable (Result<ReceivedMessage, Errno>) -> Void
  ) -> AIORequest {
    let message = Message(buffers, controlCapacity: controlCapacity)
    return receive(message, on: socket, flags: flags) { result in
      completion(result.map { message.received($0) })
    }
  }

  func receive(
    _ message: Message, on socket: FileDescriptor, flags: CInt, _ completion: @escaping Completion
  ) -> AIORequest {
    let request = make(.receiveMessage, socket.rawValue, Transfer(.stream, length: message.length))
    request.pointee.address = UnsafeMutableRawPointer(message.header)
    request.pointee.flags = UInt32(bitPattern: flags | CInt(MSG_CMSG_CLOEXEC))
    request.hold(message, completion)
    return start(request)
  }

  /// Sends a message of several buffers, with control messages, to an address where the socket is not connected. As much
  /// as goes: the count may be short on a stream.
  @discardableResult
  public func sendMessage(
    on socket: FileDescriptor, from buffers: [AIOBuffer], control: [ControlMessage] = [],
    to address: SocketAddress? = nil, flags: CInt = 0, completion: @escaping Completion
  ) -> AIORequest {
    send(Message(Vectors(buffers), control: control, address: address), socket, flags, completion)
  }

  /// The same from parts of buffers: a message of several records that are not next to each other in memory goes in one
  /// call. The kernel takes 1,024 parts at once; of more than that it refuses the message.
  @discardableResult
  public func sendMessage(
    on socket: FileDescriptor, from slices: [AIOBuffer.Slice], control: [ControlMessage] = [],
    to address: SocketAddress? = nil, flags: CInt = 0, completion: @escaping Completion
  ) -> AIORequest {
    send(Message(Vectors(slices), control: control, address: address), socket, flags, completion)
  }

  private func send(
    _ message: Message, _ socket: FileDescriptor, _ flags: CInt, _ completion: @escaping Completion
  ) -> AIORequest {
    let request = make(.sendMessage, socket.rawValue, Transfer(.stream, length: message.length))
    request.pointee.address = UnsafeMutableRawPointer(message.header)
    request.pointee.flags = UInt32(bitPattern: flags | CInt(MSG_NOSIGNAL))
    request.pointee.owner = message
    request.pointee.completion = .init(call: completion)
    return start(request)
  }

  /// Which half of a connection to shut down.
  public enum ShutDownMode: Int32, Sendable {
    /// Nothing more is received. Stands for `SHUT_RD`.
    case receiving = 0
    /// Nothing more is sent, which the peer sees as the end. Stands for `SHUT_WR`.
    case sending = 1
    /// Neither. Stands for `SHUT_RDWR`.
    case both = 2
  }

  /// Shuts down one half of a connection, or both.
  @discardableResult
  public func shutDown(
    _ socket: FileDescriptor, _ mode: ShutDownMode, completion: @escaping Completion
  ) -> AIORequest {
    let request = make(.shutDown, socket.rawValue)
    request.pointee.flags = UInt32(mode.rawValue)
    request.pointee.completion = .init(call: completion)
    return start(request)
  }

  // MARK: Waiting

  /// Waits until a descriptor is ready, once: the completion is given its `POLL…` events. Independent of a handler that
  /// may be set for it.
  @discardableResult
  public func poll(
    _ file: FileDescriptor, for events: Int16, completion: @escaping Completion
  ) -> AIORequest {
    let request = make(.poll, file.rawValue)
    request.pointee.flags = UInt32(UInt16(bitPattern: events))
    request.pointee.completion = .init(call: completion)
    return start(request)
  }

  /// Completes after a time, by the monotonic clock. For more than one shot, or from other threads, see
  /// ``AioContext/makeTimer(clock:scale:attributes:name:_:)``.
  @discardableResult
  public func timeout(after duration: Duration, completion: @escaping Completion) -> AIORequest {
    let request = make(.timeout, -1)
    let nanoseconds = max(duration.nanoseconds, 0)
    request.pointee.time = __kernel_timespec(
      tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    request.pointee.isUnusual = true
    request.pointee.completion = .init(call: completion)
    return start(request)
  }

  /// Does nothing but go to the engine and back: completes with 0 when what was asked of it before has been handed over.
  @discardableResult
  public func noOperation(completion: @escaping Completion) -> AIORequest {
    let request = make(.nothing, -1)
    request.pointee.completion = .init(call: completion)
    return start(request)
  }

  /// A submission that the caller prepares: any operation that the kernel's io_uring has.
  ///
  /// `prepare` is given a zeroed entry, maybe after this call; what it points at has to stay in place until the last
  /// completion. `user_data` is ours. A multishot operation completes several times; `isLast` tells when it is over. Short
  /// results, EINTR and EAGAIN are the caller's to deal with.
  ///
  /// - Throws: `Errno.notSupported` on another engine than io_uring.
  ///
  /// Stands for `aio_add_sqe`.
  @discardableResult
  public func submit(
    _ prepare: @escaping (UnsafeMutablePointer<io_uring_sqe>) -> Void,
    completion: @escaping @Sendable (RawCompletion) -> Void
  ) throws(Errno) -> AIORequest {
    if kind != .ioURing { throw .notSupported }
    let request = make(.raw, -1)
    request.pointee.isUnusual = true
    request.pointee.owner = RawSubmission(prepare: prepare, completion: completion)
    return start(request)
  }
}

/// A connection that was accepted.
public struct AcceptedConnection: Hashable, Sendable {
  /// The caller's to close.
  public var descriptor: FileDescriptor
  /// Who connected.
  public var peer: SocketAddress
}
