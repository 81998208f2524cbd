// D-Bus from peer to peer, over a pair of sockets: the pairs of GDBus awaited, and a method that fails in Swift.

import AioGSource
import CGLib
import CLiburing
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite(.timeLimit(.minutes(1))) struct DBusTests {
    @Test func aMethodIsCalledAndItsErrorComesBack() async throws {
      let server = GLibThread()
      let client = GLibThread()
      defer {
        client.stop()
        server.stop()
      }
      var ends: [CInt] = [-1, -1]
      try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
      let (serverEnd, clientEnd) = (ends[0], ends[1])

      // Each side's handshake needs the other's.
      async let served = server.run {
        let connection = try await Self.connect(serverEnd, asServer: true)
        try Self.export(on: connection)
        return Unretained(connection)
      }
      async let connected = client.run {
        Unretained(try await Self.connect(clientEnd, asServer: false))
      }
      let (serving, calling) = try await (served, connected)

      let echo = try await client.run { try await Self.call("Echo", "hello", on: calling.pointer) }
      #expect(echo == "hello, hello")
      // From a thread that has nothing to do with it.
      await #expect {
        try await GIO.call(calling.pointer, on: client.context) {
          Self.startCall("Fail", "", $0, $1, $2, $3)
        } finish: {
          _ = g_dbus_connection_call_finish($0, $1, $2)
        }
      } throws: {
        let error = $0 as? GLibError
        return error?.ioErrorCode == G_IO_ERROR_PERMISSION_DENIED
          && error?.message.hasSuffix(String(cString: g_strerror(EACCES))) == true
      }

      // A call that is not answered, cancelled.
      let task = Task {
        try await client.run { try await Self.call("Wait", "", on: calling.pointer) }
      }
      sleep(milliseconds: 5)
      task.cancel()
      await #expect {
        try await task.value
      } throws: {
        ($0 as? GLibError)?.isCancelled == true
      }
      for (thread, connection) in [(client, calling), (server, serving)] {
        try await thread.run {
          try await GIO.call(connection.pointer) {
            g_dbus_connection_close($0, $1, $2, $3)
          } finish: {
            _ = g_dbus_connection_close_finish($0, $1, $2)
          }
          g_object_unref(connection.pointer.gobject)
        }
      }
    }

    private static func connect(
      _ descriptor: CInt, asServer: Bool
    ) async throws -> sending OpaquePointer {
      let stream = try stream(over: descriptor)
      defer { g_object_unref(stream.gobject) }
      let guid = g_dbus_generate_guid()
      defer { g_free(guid) }
      let flags =
        asServer
        ? G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER
        : G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
      return try await GIO.call(stream) { stream, cancellable, callback, data in
        g_dbus_connection_new(
          stream, asServer ? guid : nil, flags, nil, cancellable, callback, data)
      } finish: { _, result, error in
        g_dbus_connection_new_finish(result, error)
      }!
    }

    private static func call(
      _ method: String, _ argument: String, on connection: OpaquePointer
    ) async throws(GLibError) -> String {
      let reply = try await GIO.call(connection) {
        startCall(method, argument, $0, $1, $2, $3)
      } finish: {
        g_dbus_connection_call_finish($0, $1, $2)
      }
      defer { g_variant_unref(reply) }
      let text = g_variant_get_child_value(reply, 0)
      defer { g_variant_unref(text) }
      return String(cString: g_variant_get_string(text, nil))
    }

    private static func startCall(
      _ method: String, _ argument: String, _ connection: OpaquePointer,
      _ cancellable: UnsafeMutablePointer<GCancellable>, _ callback: GAsyncReadyCallback,
      _ data: UnsafeMutableRawPointer
    ) {
      g_dbus_connection_call(
        connection, nil, "/test", "org.example.Test", method, tuple(of: argument), nil,
        G_DBUS_CALL_FLAGS_NONE, -1, cancellable, callback, data)
    }

    /// `(s)`, floating.
    private static func tuple(of text: String) -> OpaquePointer {
      var children: [OpaquePointer?] = [g_variant_new_string(text)]
      return g_variant_new_tuple(&children, 1)
    }

    // MARK: The server

    private static let description = """
      <node><interface name="org.example.Test">
        <method name="Echo"><arg type="s" direction="in"/><arg type="s" direction="out"/></method>
        <method name="Fail"><arg type="s" direction="in"/></method>
        <method name="Wait"><arg type="s" direction="in"/><arg type="s" direction="out"/></method>
      </interface></node>
      """

    private static func export(on connection: OpaquePointer) throws(GLibError) {
      let node = try withGLibError { g_dbus_node_info_new_for_xml(description, $0) }!
      defer { g_dbus_node_info_unref(node) }
      var table = GDBusInterfaceVTable()
      table.method_call = { _, _, _, _, method, parameters, invocation, _ in
        switch String(cString: method!) {
        case "Echo":
          let child = g_variant_get_child_value(parameters, 0)
          defer { g_variant_unref(child) }
          let text = String(cString: g_variant_get_string(child, nil))
          g_dbus_method_invocation_return_value(
            invocation, DBusTests.tuple(of: "\(text), \(text)"))
        case "Fail":
          g_dbus_method_invocation_take_error(
            invocation, GLibError(Errno.permissionDenied).makeGError())
        default:
          g_object_unref(invocation!.gobject)
        }
      }
      _ = try withGLibError {
        g_dbus_connection_register_object(
          connection, "/test", node.pointee.interfaces[0], &table, nil, nil, $0)
      }
    }
  }
}
