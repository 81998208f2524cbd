// Accepted connections, as a sequence. It is pulled: a connection is accepted when the loop asks for the next, and until
// then waits in the kernel's backlog, which is the back-pressure.

import Glibc
import SystemPackage

/// The connections that a listening socket accepts, one after the other.
///
/// Got from ``AioContext/connections(on:nonBlocking:)``.
public struct ConnectionSequence: AsyncSequence, Sendable {
  /// A connection, with the address of its peer.
  public typealias Element = AcceptedConnection
  /// What accept(2) says of the listening socket.
  public typealias Failure = Errno

  let context: AioContext
  let listener: FileDescriptor
  let nonBlocking: Bool

  /// Begins to accept: with the first element that is asked for.
  public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

  /// Accepts one connection at a time, for one task at a time.
  public struct Iterator: AsyncIteratorProtocol {
    let sequence: ConnectionSequence

    /// The next connection; nil when the task was cancelled.
    public mutating func next() async throws(Errno) -> AcceptedConnection? {
      try await next(isolation: nil)
    }

    /// The next connection; nil when the task was cancelled.
    public mutating func next(
      isolation: isolated (any Actor)?
    ) async throws(Errno) -> AcceptedConnection? {
      while true {
        do throws(Errno) {
          return try await sequence.context.accept(
            on: sequence.listener, nonBlocking: sequence.nonBlocking)
        } catch {
          if error == .canceled { return nil }
          if !errorsOfOneConnection.contains(error.rawValue) { throw error }
        }
      }
    }
  }
}

/// What accept(2) says of the connection it was about to return, and not of the listening socket.
private let errorsOfOneConnection: Set<CInt> = [
  ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH,
]

extension AioContext {
  /// The connections that a listening socket accepts:
  ///
  /// ```swift
  /// for try await connection in context.connections(on: listener) {
  ///   Task(executorPreference: context.taskExecutor) { await serve(connection) }
  /// }
  /// ```
  ///
  /// One is accepted when the next is asked for. Connections that broke before they were accepted are passed over. Any
  /// task; the sequence ends when it is cancelled. After an error, where the process has no descriptor left say, the
  /// sequence may be iterated anew.
  ///
  /// - Parameters:
  ///   - listener: a listening socket.
  ///   - nonBlocking: whether the new descriptors have O_NONBLOCK.
  public func connections(
    on listener: FileDescriptor, nonBlocking: Bool = true
  ) -> ConnectionSequence {
    ConnectionSequence(context: self, listener: listener, nonBlocking: nonBlocking)
  }
}
