// What the server says of itself, and what it can be told while it runs. Values; the protocol is the main actor's.

/// What was done for a connection, or for all of an export's.
public struct Counters: Sendable, Hashable {
  public var reads: UInt64
  public var writes: UInt64
  public var flushes: UInt64
  /// Trims, zeroes, caches and block status.
  public var other: UInt64
  /// Requests that were answered by an error.
  public var errors: UInt64
  public var bytesRead: UInt64
  public var bytesWritten: UInt64

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

  public static func + (one: Counters, two: Counters) -> Counters {
    Counters(
      reads: one.reads &+ two.reads, writes: one.writes &+ two.writes,
      flushes: one.flushes &+ two.flushes, other: one.other &+ two.other,
      errors: one.errors &+ two.errors, bytesRead: one.bytesRead &+ two.bytesRead,
      bytesWritten: one.bytesWritten &+ two.bytesWritten)
  }
}

public struct ExportStatus: Sendable, Hashable {
  public var name: String
  public var path: String
  /// Bytes.
  public var size: UInt64
  public var isReadOnly: Bool
  /// How many are open.
  public var connections: Int
  /// Of all connections there have been.
  public var counters: Counters

  public init(
    name: String, path: String, size: UInt64, isReadOnly: Bool, connections: Int = 0,
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

public struct ConnectionStatus: Sendable, Hashable {
  public var identifier: UInt64
  /// Empty during the handshake.
  public var export: String
  public var peer: String
  /// The name of the thread that serves it.
  public var thread: String
  public var requestsInFlight: Int
  public var counters: Counters

  public init(
    identifier: UInt64, export: String, peer: String, thread: String, requestsInFlight: Int,
    counters: Counters
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
  public enum Kind: Sendable {
    /// There is an export of that name.
    case exists
    /// There is none.
    case unknown
    /// Its file cannot be served.
    case cannotOpen
    case shuttingDown
  }

  public var kind: Kind
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}

/// What can be asked of a server and told to it.
@MainActor public protocol ServerControl: AnyObject {
  /// By name.
  var exports: [ExportStatus] { get }
  /// By age.
  var connections: [ConnectionStatus] { get }
  /// Serves one more file, under its own name unless one is given.
  func addExport(
    path: String, name: String?, isReadOnly: Bool
  ) async throws(ControlError) -> ExportStatus
  /// Ends an export: no more requests are taken for it, and those that were are finished first.
  func removeExport(name: String) async throws(ControlError)
}
