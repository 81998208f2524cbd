// The server on a session bus, asked as a user asks it.

import Glibc
import Testing

@Suite(
  .serialized, .timeLimit(.minutes(2)),
  .enabled(if: Installed.all, "dbus-daemon or gdbus is not installed"))
struct BusTests {
  /// Of an export that was just added.
  private static let zeroes = """
    'reads': <uint64 0>, 'writes': <uint64 0>, 'flushes': <uint64 0>, 'other': <uint64 0>, \
    'errors': <uint64 0>, 'bytes-read': <uint64 0>, 'bytes-written': <uint64 0>
    """

  private static func added(_ name: String, _ path: String, isReadOnly: Bool) -> String {
    """
    {'name': <'\(name)'>, 'path': <'\(path)'>, 'size': <uint64 8192>, \
    'read-only': <\(isReadOnly)>, 'connections': <uint32 0>, \(zeroes)}
    """
  }

  private static func failure(_ name: String, _ message: String) -> String {
    "Error: GDBus.Error:org.aiogsource.Nbd1.Error.\(name): \(message)"
  }

  let bus: PrivateBus

  init() throws {
    bus = try PrivateBus()
  }

  // MARK: Asking

  @Test func exportsAreListedWithTheirCounters() throws {
    let server = try bus.server()
    #expect(
      try bus.call("ListExports") == """
        ([{'name': <'disk.img'>, 'path': <'/images/disk.img'>, 'size': <uint64 1073741824>, \
        'read-only': <false>, 'connections': <uint32 1>, 'reads': <uint64 12>, \
        'writes': <uint64 3>, 'flushes': <uint64 2>, 'other': <uint64 1>, 'errors': <uint64 4>, \
        'bytes-read': <uint64 5000000000>, 'bytes-written': <uint64 12288>}, \
        {'name': <'übung.iso'>, 'path': <"/images/it's.iso">, 'size': <uint64 4096>, \
        'read-only': <true>, 'connections': <uint32 0>, 'reads': <uint64 1>, \
        'writes': <uint64 0>, 'flushes': <uint64 0>, 'other': <uint64 0>, 'errors': <uint64 0>, \
        'bytes-read': <uint64 512>, 'bytes-written': <uint64 0>}],)
        """)
    try end(server)
  }

  @Test func connectionsAreListedWithTheirCounters() throws {
    let server = try bus.server()
    #expect(
      try bus.call("ListConnections") == """
        ([{'id': <uint64 7>, 'export': <'disk.img'>, 'peer': <'unix:1234'>, \
        'thread': <'nbd-0'>, 'in-flight': <uint32 64>, 'reads': <uint64 12>, \
        'writes': <uint64 0>, 'flushes': <uint64 0>, 'other': <uint64 0>, 'errors': <uint64 0>, \
        'bytes-read': <uint64 49152>, 'bytes-written': <uint64 0>}, \
        {'id': <uint64 8>, 'export': <''>, 'peer': <'127.0.0.1:40000'>, 'thread': <'nbd-1'>, \
        'in-flight': <uint32 0>, \(Self.zeroes)}],)
        """)
    try end(server)
  }

  @Test func totalsAreTheSumsOfTheExports() throws {
    let server = try bus.server()
    let interface = "org.aiogsource.Nbd1"
    #expect(
      try bus.call("org.freedesktop.DBus.Properties.Get", interface, "Totals") == """
        (<{'exports': <uint32 2>, 'connections': <uint32 2>, 'reads': <uint64 13>, \
        'writes': <uint64 3>, 'flushes': <uint64 2>, 'other': <uint64 1>, 'errors': <uint64 4>, \
        'bytes-read': <uint64 5000000512>, 'bytes-written': <uint64 12288>}>,)
        """)
    try end(server)
  }

  @Test func aServerWithNothingListsNothing() throws {
    let server = try bus.server("--empty")
    #expect(try bus.call("ListExports") == "(@aa{sv} [],)")
    #expect(try bus.call("ListConnections") == "(@aa{sv} [],)")
    try end(server)
  }

  // MARK: Telling

  @Test func exportsAreAddedAndRemovedWhileItRuns() throws {
    let server = try bus.server("--empty")
    let first = Self.added("one.img", "/images/one.img", isReadOnly: true)
    let second = Self.added("second", "/images/two.img", isReadOnly: false)
    // Without a name it is the file's.
    #expect(try bus.call("AddExport", "/images/one.img", "", "true") == "(\(first),)")
    #expect(try bus.call("AddExport", "/images/two.img", "second", "false") == "(\(second),)")
    #expect(try bus.call("ListExports") == "([\(first), \(second)],)")
    #expect(try bus.call("RemoveExport", "one.img") == "()")
    #expect(try bus.call("ListExports") == "([\(second)],)")
    try end(server)
  }

  @Test func whatTheServerRefusesIsAnErrorWithAName() throws {
    let server = try bus.server()
    let nowhere = "/missing: No such file or directory"
    #expect(
      try bus.call("AddExport", "/missing", "", "true") == Self.failure("CannotOpen", nowhere))
    #expect(
      try bus.call("AddExport", "/a", "disk.img", "true")
        == Self.failure("Exists", "there is an export disk.img"))
    #expect(
      try bus.call("RemoveExport", "other.img")
        == Self.failure("Unknown", "there is no export other.img"))
    for path in ["disk.img", ""] {
      let answer = try bus.call("AddExport", path, "", "true")
      #expect(answer.hasPrefix(Self.failure("CannotOpen", "the path has to be absolute")))
    }
    try end(server)
  }

  @Test func whoListensHearsOfConnectionsAndExports() throws {
    let server = try bus.server("--empty")
    let monitor = try Child(
      [
        #require(Installed.gdbus), "monitor", "--session", "--dest", "org.aiogsource.Nbd1",
      ], bus: bus.address)
    // After the second it listens.
    #expect(try monitor.line().hasPrefix("Monitoring signals from all objects"))
    #expect(try monitor.line().hasPrefix("The name org.aiogsource.Nbd1 is owned by"))
    _ = try bus.call("AddExport", "/visited", "", "true")
    _ = try bus.call("RemoveExport", "visited")
    let object = "/org/aiogsource/Nbd1: org.aiogsource.Nbd1"
    for event in ["Opened", "Closed"] {
      let line = try monitor.line()
      #expect(line.hasPrefix("\(object).Connection\(event) ({'id': <uint64 9>, 'export': <'visi"))
      #expect(line.contains("'reads': <uint64 5>"))
    }
    let export = Self.added("visited", "/visited", isReadOnly: true)
    #expect(try monitor.line() == "\(object).ExportAdded (\(export),)")
    #expect(try monitor.line() == "\(object).ExportRemoved ('visited',)")
    try end(server)
  }

  private func end(_ server: Child) throws {
    server.send(SIGTERM)
    let outcome = server.outcome()
    #expect(outcome.status == 0, "\(outcome.complaint)")
    #expect(outcome.output == "", "the server said something")
  }
}
