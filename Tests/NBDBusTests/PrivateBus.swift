// A session bus of the test's own, and calls by `gdbus` as a user would type them.

import Glibc
import Testing

/// What the tests need besides the package's products.
enum Installed {
  static let daemon = program("dbus-daemon")
  static let gdbus = program("gdbus")
  static var all: Bool { daemon != nil && gdbus != nil }

  /// By its absolute path, from the test's folder of products.
  static func product(_ name: String) throws -> String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &path, path.count)
    try #require(count > 0)
    let tests = String(decoding: path[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    return tests.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/\(name)"
  }

  private static func program(_ name: String) -> String? {
    let folders = getenv("PATH").map { String(cString: $0) } ?? ""
    return folders.split(separator: ":").lazy.map { "\($0)/\(name)" }
      .first { access($0, X_OK) == 0 }
  }
}

/// A folder for a socket or two; gone with the test.
final class SocketFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/nbd-bus-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit {
    for name in ["socket", "configuration"] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}

/// A running dbus-daemon, which starts no services.
final class PrivateBus {
  let address: String
  let daemon: Child
  private let folder = Result { try SocketFolder() }

  /// - Parameter isSilent: whether it answers nobody.
  init(isSilent: Bool = false) throws {
    let folder = try folder.get().path
    let policy = isSilent ? "<deny receive_sender=\"*\"/>" : "<allow eavesdrop=\"true\"/>"
    let configuration = """
      <busconfig>
        <type>session</type>
        <listen>unix:path=\(folder)/socket</listen>
        <policy context="default"><allow send_destination="*"/><allow own="*"/>\(policy)</policy>
      </busconfig>
      """
    let file = try #require(fopen("\(folder)/configuration", "w"))
    fputs(configuration, file)
    fclose(file)
    daemon = try Child([
      #require(Installed.daemon), "--config-file=\(folder)/configuration", "--nofork",
      "--print-address=1",
    ])
    address = try daemon.line()
  }

  /// The program with the fake server, which says that it has started.
  func server(_ options: String...) throws -> Child {
    let server = try Child([Installed.product("NBDBusProgram")] + options, bus: address)
    #expect(try server.line() == "started")
    return server
  }

  /// A call that may not be answered yet.
  func begin(
    _ method: String, _ arguments: [String], of server: String = "org.aiogsource.Nbd1"
  ) throws -> Child {
    let name = method.contains(".") ? method : "org.aiogsource.Nbd1.\(method)"
    return try Child(
      [
        #require(Installed.gdbus), "call", "--session", "--dest", server,
        "--object-path", "/org/aiogsource/Nbd1", "--timeout", "20", "--method", name,
      ] + arguments, bus: address)
  }

  /// What a call prints: the answer, or the error's name and sentence.
  func call(_ method: String, _ arguments: String...) throws -> String {
    Self.answer(to: try begin(method, arguments))
  }

  /// The server's own name for its connection.
  func owner() throws -> String {
    let call = try Child(
      [
        #require(Installed.gdbus), "call", "--session", "--dest", "org.freedesktop.DBus",
        "--object-path", "/", "--method", "org.freedesktop.DBus.GetNameOwner",
        "org.aiogsource.Nbd1",
      ], bus: address)
    let words = Self.answer(to: call).split(separator: "'")
    return String(try #require(words.count == 3 ? words[1] : nil))
  }

  /// Whether nobody has the server's name, or soon will have it no more: it is given up without waiting for the bus.
  func isWithoutOwner() throws -> Bool {
    for _ in 0..<100 {
      if try call("ListExports").contains(".ServiceUnknown: ") { return true }
    }
    return false
  }

  static func answer(to call: Child) -> String {
    let outcome = call.outcome()
    let lines = (outcome.status == 0 ? outcome.output : outcome.complaint).split(separator: "\n")
    return lines.first.map(String.init) ?? "status \(outcome.status) and no line"
  }
}
