// A client of one connection that is served on a thread of its own: the other end of a socket pair, spoken byte by byte.

import AioGSource
import Glibc
import Logging
import NBDProtocol
import Synchronization
import SystemPackage
import Testing

@testable import NBDServer

/// What a connection is served with, and the end of the socket that is the client's.
final class Client {
  let socket: FileDescriptor
  let connection: Connection
  let worker: Worker
  private let service: Task<Void, Never>
  let lines: LogLines

  init(
    _ exports: [Export], limits: Limits = Limits(), engine: EngineChoice = .auto
  ) async throws {
    var ends: [CInt] = [0, 0]
    #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
    socket = FileDescriptor(rawValue: ends[0])
    // A test that waits for what does not come is to fail.
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(
      ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    worker = try await Worker(name: "test", engine: engine)
    let table = ExportTable()
    for export in exports { try table.add(export) }
    let lines = LogLines()
    self.lines = lines
    let connection = Connection(
      1, FileDescriptor(rawValue: ends[1]), from: "test", worker: worker, table: table,
      limits: limits, log: ClientLog(Logger(label: "test") { _ in lines }))
    self.connection = connection
    service = Task(executorPreference: worker.context.taskExecutor) { await connection.serve() }
  }

  deinit { try? socket.close() }

  /// Waits until the connection has ended, and ends the thread.
  func finish() async {
    await service.value
    await worker.thread.shutDown()
  }

  func stop() {
    let connection = self.connection
    worker.context.schedule { connection.stop() }
  }

  // MARK: Bytes

  func send(_ bytes: [UInt8]) throws { _ = try socket.writeAll(bytes) }

  /// So many bytes, or fewer at the end of the stream.
  func receive(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    try bytes.withUnsafeMutableBytes { memory in
      while done < count {
        let read = try socket.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[done...]))
        if read == 0 { break }
        done += read
      }
    }
    return Array(bytes[..<done])
  }

  func isAtEnd() throws -> Bool { try receive(1).isEmpty }

  // MARK: Protocol

  /// The handshake, up to the first request.
  func enter(_ name: String = "", structured: Bool = true) throws {
    #expect(try receive(18).count == 18)
    try send(be(UInt32(3)))
    if structured { #expect(try option(8, []) == [1]) }
    if structured {
      let query = Array("base:allocation".utf8)
      let data =
        be(UInt32(name.utf8.count)) + Array(name.utf8) + be(UInt32(1)) + be(UInt32(query.count))
        + query
      #expect(try option(10, data) == [4, 1])
    }
    let data = be(UInt32(name.utf8.count)) + Array(name.utf8) + be(UInt16(0))
    #expect(try option(7, data).last == 1)
  }

  /// Sends an option and returns the types of its replies.
  func option(_ number: UInt32, _ data: [UInt8]) throws -> [UInt32] {
    try send(be(UInt64(0x4948_4156_454F_5054)) + be(number) + be(UInt32(data.count)) + data)
    var types: [UInt32] = []
    while true {
      let header = try receive(20)
      guard header.count == 20 else { return types }
      let type = UInt32(NBDServerTests.number(header[12..<16]))
      types.append(type)
      _ = try receive(Int(NBDServerTests.number(header[16..<20])))
      if type == 1 || type & 1 << 31 != 0 { return types }
    }
  }

  func request(
    _ command: Command, cookie: UInt64 = 1, offset: UInt64 = 0, length: UInt32 = 0,
    flags: CommandFlags = [], payload: [UInt8] = []
  ) throws {
    try send(
      Self.bytes(command, cookie: cookie, offset: offset, length: length, flags: flags) + payload)
  }

  static func bytes(
    _ command: Command, cookie: UInt64, offset: UInt64 = 0, length: UInt32,
    flags: CommandFlags = []
  ) -> [UInt8] {
    be(UInt32(0x2560_9513)) + be(flags.rawValue) + be(command.rawValue) + be(cookie) + be(offset)
      + be(length)
  }

  struct Chunk: Equatable {
    var cookie: UInt64
    /// The chunk's type; for a simple reply nil.
    var type: UInt16?
    var isLast = true
    var error: UInt32 = 0
    var payload: [UInt8] = []
  }

  /// The next reply, simple or a chunk; `simpleLength` is how much data a simple one without an error carries.
  func reply(simpleLength: Int = 0) throws -> Chunk? {
    let start = try receive(16)
    guard start.count == 16 else { return nil }
    if number(start[0..<4]) == 0x6744_6698 {
      let error = UInt32(number(start[4..<8]))
      return Chunk(
        cookie: number(start[8..<16]), error: error,
        payload: error == 0 ? try receive(simpleLength) : [])
    }
    #expect(number(start[0..<4]) == 0x668E_33EF)
    let length = Int(number(try receive(4)[...]))
    let payload = try receive(length)
    let type = UInt16(number(start[6..<8]))
    return Chunk(
      cookie: number(start[8..<16]), type: type, isLast: start[5] & 1 == 1,
      error: type & 1 << 15 == 0 ? 0 : UInt32(number(payload[0..<4])), payload: payload)
  }
}

/// Big-endian bytes.
func be(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.bigEndian) { Array($0) }
}

/// A big-endian number.
func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
  bytes.reduce(0) { $0 << 8 | UInt64($1) }
}

/// What was logged.
final class LogLines: LogHandler, @unchecked Sendable {
  private let lock = Mutex(())
  private var lines: [String] = []
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  var all: [String] { lock.withLock { _ in lines } }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    lock.withLock { _ in lines.append("\(event.message)") }
  }
}

/// A file in the temporary directory, gone with the object.
final class ScratchFile {
  let path: FilePath

  init(_ bytes: [UInt8]) throws {
    var template = Array("/tmp/aio-nbd-test.XXXXXX".utf8CString)
    let file = mkstemp(&template)
    #expect(file >= 0)
    path = FilePath(template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })
    let descriptor = FileDescriptor(rawValue: file)
    _ = try descriptor.writeAll(bytes)
    try descriptor.close()
  }

  deinit { _ = path.withPlatformString { unlink($0) } }

  func truncate(to size: Int) { _ = path.withPlatformString { Glibc.truncate($0, off_t(size)) } }

  var bytes: [UInt8] {
    get throws {
      let file = try FileDescriptor.open(path, .readOnly)
      defer { try? file.close() }
      var bytes = [UInt8](repeating: 0, count: Int(try file.seek(offset: 0, from: .end)))
      _ = try bytes.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }
      return bytes
    }
  }

  func export(readOnly: Bool = false, direct: Bool = false) throws -> Export {
    var options = ExportOptions()
    options.isDirect = direct
    return try Export(name: "disk", path: path, isReadOnly: readOnly, options: options)
  }
}

/// Bytes that differ from place to place.
func pattern(_ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}
