// What the server says of itself, and what it can be told while it runs. The values are copies of one moment; the
// protocol is the main actor's.

/// What was done since the server, the export or the connection began.
public struct Counters: Sendable, Hashable {
  public var reads, writes, flushes: UInt64
  /// All other commands.
  public var other: UInt64
  /// Requests that were answered with an error; they are among the others, too.
  public var errors: UInt64
  public var bytesRead, bytesWritten: UInt64

  public init(
    reads: UInt64 = 0, writes: UInt64 = 0, flushes: UInt64 = 0, other: UInt64 = 0,
    errors: UInt64 = 0, bytesRead: UInt64 = 0, bytesWritten: UInt64 = 0
  ) {
    self.reads = reads
    self.writes = writes
    self.flushes = flushes
    self.other = other
    self.errors = errors
    self.bytesRead = bytesRead
    self.bytesWritten = bytesWritten
  }

  public static func + (one: Counters, another: Counters) -> Counters {
    Counters(
      reads: one.reads &+ another.reads, writes: one.writes &+ another.writes,
      flushes: one.flushes &+ another.flushes, other: one.other &+ another.other,
      errors: one.errors &+ another.errors, bytesRead: one.bytesRead &+ another.bytesRead,
      bytesWritten: one.bytesWritten &+ another.bytesWritten)
  }
}

/// An export, and what its connections did.
public struct ExportStatus: Sendable, Hashable {
  public var name, path: String
  /// Bytes.
  public var size: UInt64
  public var isReadOnly: Bool
  /// How many clients have it open.
  public var connections: Int
  public var counters: Counters

  public init(
    name: String, path: String, size: UInt64, isReadOnly: Bool = false, connections: Int = 0,
    counters: Counters = Counters()
  ) {
    self.name = name
    self.path = path
    self.size = size
    self.isReadOnly = isReadOnly
    self.connections = connections
    self.counters = counters
  }
}

/// A client.
public struct ConnectionStatus: Sendable, Hashable {
  /// No other connection of the server's has the same.
  public var identifier: UInt64
  /// The name of the export it has open; empty in the handshake.
  public var export: String
  /// Who it is, as far as the socket tells.
  public var peer: String
  /// The name of the thread that serves it.
  public var thread: String
  public var requestsInFlight: Int
  public var counters: Counters

  public init(
    identifier: UInt64, export: String = "", peer: String, thread: String,
    requestsInFlight: Int = 0, counters: Counters = Counters()
  ) {
    self.identifier = identifier
    self.export = export
    self.peer = peer
    self.thread = thread
    self.requestsInFlight = requestsInFlight
    self.counters = counters
  }
}

/// Why the server did not do what it was told.
public struct ControlError: Error, Hashable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    /// There is an export of that name.
    case exists
    /// There is no export of that name.
    case unknown
    /// The file cannot be opened, or cannot be served.
    case cannotOpen
    /// The server is about to end.
    case shuttingDown
  }

  public var kind: Kind
  /// For people.
  public var message: String

  public init(_ kind: Kind, message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}

/// A server, to those who look after it.
@MainActor public protocol ServerControl: AnyObject {
  /// In the order in which they were added.
  var exports: [ExportStatus] { get }
  /// In the order in which they came, those in the handshake included.
  var connections: [ConnectionStatus] { get }

  /// Opens a file and serves it.
  ///
  /// - Parameter name: the file's unless given.
  func addExport(
    path: String, name: String?, isReadOnly: Bool
  ) async throws(ControlError) -> ExportStatus

  /// Ends an export; its connections end after what they have in flight.
  func removeExport(name: String) async throws(ControlError)
}
