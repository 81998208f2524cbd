// The operations that tasks await most, on the context itself: with its best engine. All others, and other engines, are
// AIOEngine's. From any thread.

import SystemPackage

extension AioContext {
  /// Runs `body` in the calling task, but on the context's home thread, and returns to where the task was.
  ///
  /// Any task. What `body` calls may be home thread only; its actors' code runs on their own executors as ever.
  ///
  /// ```swift
  /// let count = await context.run { context.statistics.passes }
  /// ```
  nonisolated(nonsending) public func run<Value, Failure: Error>(
    _ body: @Sendable () async throws(Failure) -> sending Value
  ) async throws(Failure) -> sending Value {
    try await withTaskExecutorPreference(taskExecutor) { () async throws(Failure) in
      try await body()
    }
  }

  /// The best engine that can be had, as ``io`` is, for a task on any thread.
  nonisolated(nonsending) public func engine() async -> AIOEngine {
    if isHomeThread { return io }
    return await run { self.io }
  }

  /// Reads from a file at an offset: ``AIOEngine/read(from:at:into:range:)``.
  nonisolated(nonsending) public func read(
    from file: FileDescriptor, at offset: Int64, into buffer: AIOBuffer,
    range: Range<Int>? = nil
  ) async throws(Errno) -> Int {
    try await engine().read(
      from: file, at: offset, into: buffer, range: range)
  }

  /// Writes to a file at an offset: ``AIOEngine/write(to:at:from:range:)``.
  @discardableResult
  nonisolated(nonsending) public func write(
    to file: FileDescriptor, at offset: Int64, from buffer: AIOBuffer,
    range: Range<Int>? = nil
  ) async throws(Errno) -> Int {
    try await engine().write(
      to: file, at: offset, from: buffer, range: range)
  }

  /// Reads what there is: ``AIOEngine/read(from:into:range:)``.
  nonisolated(nonsending) public func read(
    from file: FileDescriptor, into buffer: AIOBuffer, range: Range<Int>? = nil
  ) async throws(Errno) -> Int {
    try await engine().read(
      from: file, into: buffer, range: range)
  }

  /// Writes as much as goes: ``AIOEngine/write(to:from:range:)``.
  nonisolated(nonsending) public func write(
    to file: FileDescriptor, from buffer: AIOBuffer, range: Range<Int>? = nil
  ) async throws(Errno) -> Int {
    try await engine().write(
      to: file, from: buffer, range: range)
  }

  /// Waits until what was written to a file is on the disk: ``AIOEngine/synchronize(_:dataOnly:)``.
  nonisolated(nonsending) public func synchronize(
    _ file: FileDescriptor, dataOnly: Bool = false
  ) async throws(Errno) {
    try await engine().synchronize(
      file, dataOnly: dataOnly)
  }

  /// Accepts a connection: ``AIOEngine/accept(on:nonBlocking:)``.
  nonisolated(nonsending) public func accept(
    on listener: FileDescriptor, nonBlocking: Bool = true
  ) async throws(Errno) -> AcceptedConnection {
    try await engine().accept(
      on: listener, nonBlocking: nonBlocking)
  }

  /// Connects a socket.
  nonisolated(nonsending) public func connect(
    _ socket: FileDescriptor, to address: SocketAddress
  ) async throws(Errno) {
    try await engine().connect(socket, to: address)
  }

  /// Receives what there is: ``AIOEngine/receive(on:into:range:flags:)``.
  nonisolated(nonsending) public func receive(
    on socket: FileDescriptor, into buffer: AIOBuffer, range: Range<Int>? = nil, flags: CInt = 0
  ) async throws(Errno) -> Int {
    try await engine().receive(
      on: socket, into: buffer, range: range, flags: flags)
  }

  /// Sends as much as goes: ``AIOEngine/send(on:from:range:flags:)``.
  nonisolated(nonsending) public func send(
    on socket: FileDescriptor, from buffer: AIOBuffer, range: Range<Int>? = nil, flags: CInt = 0
  ) async throws(Errno) -> Int {
    try await engine().send(
      on: socket, from: buffer, range: range, flags: flags)
  }

  /// Waits until a descriptor can be read from without waiting: there is data, the other end is gone, or there is an
  /// error.
  nonisolated(nonsending) public func readable(
    _ file: FileDescriptor
  ) async throws(Errno) {
    try await engine().readable(file)
  }

  /// Waits until a descriptor can be written to without waiting.
  nonisolated(nonsending) public func writable(
    _ file: FileDescriptor
  ) async throws(Errno) {
    try await engine().writable(file)
  }
}
