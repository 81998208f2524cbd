// The operations that tasks await most, on the context itself: with its best engine. All others, and other engines, are
// AIOEngine's. From any thread.

import SystemPackage

extension AioContext {
  /// The best engine that can be had, as ``io`` is, for a task on any thread.
  public func engine(isolation: isolated (any Actor)? = #isolation) async -> AIOEngine {
    if isHomeThread { return io }
    return await atHome(isolation) { self.io }
  }

  /// Reads from a file at an offset: ``AIOEngine/read(from:at:into:range:isolation:)``.
  public func read(
    from file: FileDescriptor, at offset: Int64, into buffer: AIOBuffer,
    range: Range<Int>? = nil, isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) -> Int {
    try await engine(isolation: isolation).read(
      from: file, at: offset, into: buffer, range: range, isolation: isolation)
  }

  /// Writes to a file at an offset: ``AIOEngine/write(to:at:from:range:isolation:)``.
  @discardableResult
  public func write(
    to file: FileDescriptor, at offset: Int64, from buffer: AIOBuffer,
    range: Range<Int>? = nil, isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) -> Int {
    try await engine(isolation: isolation).write(
      to: file, at: offset, from: buffer, range: range, isolation: isolation)
  }

  /// Reads what there is: ``AIOEngine/read(from:into:range:isolation:)``.
  public func read(
    from file: FileDescriptor, into buffer: AIOBuffer, range: Range<Int>? = nil,
    isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) -> Int {
    try await engine(isolation: isolation).read(
      from: file, into: buffer, range: range, isolation: isolation)
  }

  /// Writes as much as goes: ``AIOEngine/write(to:from:range:isolation:)``.
  public func write(
    to file: FileDescriptor, from buffer: AIOBuffer, range: Range<Int>? = nil,
    isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) -> Int {
    try await engine(isolation: isolation).write(
      to: file, from: buffer, range: range, isolation: isolation)
  }

  /// Waits until what was written to a file is on the disk: ``AIOEngine/synchronize(_:dataOnly:isolation:)``.
  public func synchronize(
    _ file: FileDescriptor, dataOnly: Bool = false, isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) {
    try await engine(isolation: isolation).synchronize(
      file, dataOnly: dataOnly, isolation: isolation)
  }

  /// Accepts a connection: ``AIOEngine/accept(on:nonBlocking:isolation:)``.
  public func accept(
    on listener: FileDescriptor, nonBlocking: Bool = true,
    isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) -> AcceptedConnection {
    try await engine(isolation: isolation).accept(
      on: listener, nonBlocking: nonBlocking, isolation: isolation)
  }

  /// Connects a socket.
  public func connect(
    _ socket: FileDescriptor, to address: SocketAddress,
    isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) {
    try await engine(isolation: isolation).connect(socket, to: address, isolation: isolation)
  }

  /// Receives what there is: ``AIOEngine/receive(on:into:range:flags:isolation:)``.
  public func receive(
    on socket: FileDescriptor, into buffer: AIOBuffer, range: Range<Int>? = nil, flags: CInt = 0,
    isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) -> Int {
    try await engine(isolation: isolation).receive(
      on: socket, into: buffer, range: range, flags: flags, isolation: isolation)
  }

  /// Sends as much as goes: ``AIOEngine/send(on:from:range:flags:isolation:)``.
  public func send(
    on socket: FileDescriptor, from buffer: AIOBuffer, range: Range<Int>? = nil, flags: CInt = 0,
    isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) -> Int {
    try await engine(isolation: isolation).send(
      on: socket, from: buffer, range: range, flags: flags, isolation: isolation)
  }

  /// Waits until a descriptor can be read from without waiting: there is data, the other end is gone, or there is an
  /// error.
  public func readable(
    _ file: FileDescriptor, isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) {
    try await engine(isolation: isolation).readable(file, isolation: isolation)
  }

  /// Waits until a descriptor can be written to without waiting.
  public func writable(
    _ file: FileDescriptor, isolation: isolated (any Actor)? = #isolation
  ) async throws(Errno) {
    try await engine(isolation: isolation).writable(file, isolation: isolation)
  }
}
