// One interface to make requests through, whoever carries them out.

import CLiburing
import Glibc
import SystemPackage

/// What a context's requests are carried out by: io_uring, Linux AIO, or the thread pool, behind one interface.
///
/// ``AioContext/io`` is the best that can be had; ``AioContext/engine(_:)`` demands one. All operations exist on every
/// engine: what Linux AIO lacks goes to the thread pool, and sockets without io_uring wait in an epoll set.
///
/// Requests are made on the home thread and end there: the completion is called in a pass of the loop, exactly once, never
/// from within the call. Errors arrive as the `Errno` that the system call of the same name has, on every engine. A request
/// made in a pass goes to the kernel with the others of that pass, at the next wait; one made outside goes at once, unless
/// ``withBatch(_:)`` says otherwise.
///
/// ```swift
/// let buffer = AIOBuffer(count: 4096)
/// context.io.read(from: file, at: 0, into: buffer) { result in
///   print("\(try! result.get()) bytes")
/// }
/// ```
///
/// Stands for `LuringState`, `LinuxAioState` and, as an engine, `ThreadPool`.
public final class AIOEngine: Sendable {
  /// Who carries requests out.
  public typealias Kind = EngineKind

  /// A completion that is given a count of bytes, or a descriptor's number, or zero.
  public typealias Completion = @Sendable (Result<Int, Errno>) -> Void

  static let defaultMaximumBatch = 32

  /// Which of the engines this is. Any thread.
  public let kind: Kind
  // Home thread.
  nonisolated(unsafe) let io: ContextIO
  let backend: Backend

  init(kind: Kind, io: ContextIO, backend: Backend) {
    self.kind = kind
    self.io = io
    self.backend = backend
  }

  /// Checks that the context is there, and that the calling thread is its home.
  @inline(__always)
  func requireHome(_ function: StaticString = #function) {
    precondition(!io.isClosed, "\(function) was called after its AioContext was destroyed")
    io.context._withUnsafeGuaranteedRef { $0.requireHome(function) }
  }

  // MARK: Requests

  /// A new request for the caller to fill in. Home thread.
  @inline(__always)
  func make(
    _ operation: Operation, _ descriptor: CInt, _ transfer: Transfer = Transfer(.plain),
    function: StaticString = #function
  ) -> Request {
    requireHome(function)
    let request = io.take()
    request.pointee.operation = operation
    request.pointee.descriptor = descriptor
    request.pointee.transfer = transfer
    request.pointee.isAwaitingReadiness = false
    request.pointee.isForcedElsewhere = false
    request.pointee.wasReady = false
    request.pointee.bufferIndex = -1
    request.pointee.flags = 0
    request.pointee.offset = -1
    request.pointee.address = nil
    return request
  }

  @inline(__always)
  func start(_ request: Request) -> AIORequest {
    io.start(request, on: backend)
  }

  // MARK: Batches

  /// From how many requests on a batch goes to the kernel before its pass is over, so that the first need not wait for
  /// the last; 32 unless set. Of all engines of the context. Home thread. Stands for `aio-max-batch`.
  public var maximumBatch: Int {
    get { io.maximumBatch }
    set {
      requireHome()
      precondition(newValue > 0, "a maximum batch of \(newValue) was asked for; it is at least 1")
      io.maximumBatch = newValue
    }
  }

  /// Holds back the requests that follow, until as many calls of ``endBatch()``: then they go out together. In a pass of
  /// the loop they do that anyway. Home thread. Stands for `blk_io_plug`.
  public func beginBatch() {
    requireHome()
    io.batchDepth += 1
  }

  /// Ends what ``beginBatch()`` began; traps if it is called more often. Home thread. Stands for `blk_io_unplug`.
  public func endBatch() {
    requireHome()
    precondition(io.batchDepth > 0, "endBatch() was called more often than beginBatch()")
    io.batchDepth -= 1
    if io.batchDepth == 0 { io.flushAll() }
  }

  /// The requests that `body` makes go out together. Home thread.
  public func withBatch<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    beginBatch()
    defer { endBatch() }
    return try body()
  }

  // MARK: Statistics

  /// What the requests of a context have come to since it was made, on all of its engines.
  public struct Statistics: Hashable, Sendable {
    /// Requests made.
    public var requests = 0
    /// Completions called.
    public var completions = 0
    /// Times that queued requests were handed over together, to the kernel or to workers.
    public var submissions = 0
    /// Times that a part of a request was made again: for the rest of a short transfer, after EINTR or EAGAIN, or because
    /// its descriptor became ready.
    public var continuations = 0
    /// Requests handed to workers.
    public var handedToThreads = 0
    /// Reads that the page cache answered without a worker, on the threads engine.
    public var answeredByPageCache = 0
  }

  /// Counts of all of the context's requests. Home thread.
  public var statistics: Statistics { io.statistics }

  // MARK: Registration

  /// Has the kernel keep buffers mapped, so that transfers to and from them cost less: on io_uring, one registration a
  /// ring. On the other engines it does nothing. Home thread.
  ///
  /// - Returns: whether they are registered.
  /// - Throws: the errno of io_uring_register(2): EBUSY where some are registered already, ENOMEM beyond RLIMIT_MEMLOCK.
  @discardableResult
  public func registerBuffers(_ buffers: [AIOBuffer]) throws(Errno) -> Bool {
    requireHome()
    guard let backend = backend as? RingBackend else { return false }
    try backend.registerBuffers(buffers)
    return true
  }

  /// The opposite. When no transfer to or from them is under way. Home thread.
  public func unregisterBuffers() throws(Errno) {
    requireHome()
    try (backend as? RingBackend)?.unregisterBuffers()
  }

  /// Has the kernel keep files at hand, so that requests on them cost less: on io_uring, one registration a ring. A
  /// registered descriptor means the file it meant then, until ``unregisterFiles()``: do not close it before. On the other
  /// engines it does nothing. Home thread.
  ///
  /// - Returns: whether they are registered.
  /// - Throws: the errno of io_uring_register(2), EBUSY where some are registered already.
  @discardableResult
  public func registerFiles(_ files: [FileDescriptor]) throws(Errno) -> Bool {
    requireHome()
    guard let backend = backend as? RingBackend else { return false }
    try backend.registerFiles(files)
    return true
  }

  /// The opposite. Home thread.
  public func unregisterFiles() throws(Errno) {
    requireHome()
    try (backend as? RingBackend)?.unregisterFiles()
  }
}
