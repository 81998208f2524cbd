// Two D-Bus connections in this process, one of which answers calls of the other.

import AioGSource
import CGLib
import Glibc
import SuiteSupport

@MainActor final class BusPeers {
  private var connections: [OpaquePointer] = []
  private let node: UnsafeMutablePointer<GDBusNodeInfo>
  private let table: UnsafeMutablePointer<GDBusInterfaceVTable>

  /// Runs the loop until they know each other.
  init() throws {
    node = g_dbus_node_info_new_for_xml(
      """
      <node><interface name="org.example.Echo"><method name="Echo">
      <arg type="s" direction="in"/><arg type="s" direction="out"/>
      </method></interface></node>
      """, nil)
    table = .allocate(capacity: 1)
    table.initialize(to: GDBusInterfaceVTable())
    table.pointee.method_call = { _, _, _, _, _, parameters, invocation, _ in
      g_dbus_method_invocation_return_value(invocation, parameters)
    }
    var ends: [CInt] = [-1, -1]
    try check(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0, "socketpair failed")
    let server = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER.rawValue
    let client = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT.rawValue
    try runMainLoop { loop in
      for (end, flags) in zip(ends, [server, client]) {
        connect(end, GDBusConnectionFlags(rawValue: flags)) { connection in
          self.connections.append(connection)
          if self.connections.count == 2 { loop.quit() }
        }
      }
    }
    // Whichever came first: each of them answers.
    for connection in connections {
      let id = g_dbus_connection_register_object(
        connection, "/", node.pointee.interfaces[0], table, nil, nil, nil)
      try check(id != 0, "the object could not be registered")
    }
  }

  func close() {
    for connection in connections {
      g_dbus_connection_close(connection, nil, nil, nil)
      g_object_unref(UnsafeMutableRawPointer(connection))
    }
    connections = []
    runMainLoop(for: 0.02)
    g_dbus_node_info_unref(node)
    table.deallocate()
  }

  func echo(_ text: String) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
      var argument = g_variant_new_string(text)
      let callback = Callback { result in
        guard let answer = g_dbus_connection_call_finish(self.connections[0], result, nil) else {
          continuation.resume(throwing: Failure("the call failed"))
          return
        }
        let string = g_variant_get_child_value(answer, 0)
        continuation.resume(returning: String(cString: g_variant_get_string(string, nil)))
        g_variant_unref(string)
        g_variant_unref(answer)
      }
      g_dbus_connection_call(
        connections[0], nil, "/", "org.example.Echo", "Echo", g_variant_new_tuple(&argument, 1),
        nil, G_DBUS_CALL_FLAGS_NONE, -1, nil, Callback.ready, callback.retained())
    }
  }

  private func connect(
    _ descriptor: CInt, _ flags: GDBusConnectionFlags, _ done: @escaping (OpaquePointer) -> Void
  ) {
    let socket = g_socket_new_from_fd(descriptor, nil)!
    let stream = g_socket_connection_factory_create_connection(socket)!
    let guid = g_dbus_generate_guid()
    let isServer = flags == G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER
    let callback = Callback { result in
      guard let connection = g_dbus_connection_new_finish(result, nil) else {
        fatalError("the two ends could not agree")
      }
      done(connection)
    }
    UnsafeMutableRawPointer(stream).withMemoryRebound(to: GIOStream.self, capacity: 1) {
      g_dbus_connection_new(
        $0, isServer ? guid : nil, flags, nil, nil, Callback.ready, callback.retained())
    }
    g_free(guid)
    g_object_unref(stream)
    g_object_unref(socket)
  }
}

/// What GIO calls once when something is finished.
@MainActor private final class Callback {
  private let body: (OpaquePointer) -> Void
  init(_ body: @escaping (OpaquePointer) -> Void) { self.body = body }

  func retained() -> UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

  nonisolated static let ready:
    @Sendable @convention(c) (
      UnsafeMutablePointer<GObject>?, OpaquePointer?, gpointer?
    ) -> Void = { _, result, data in
      nonisolated(unsafe) let result = result!
      nonisolated(unsafe) let data = data!
      MainActor.assumeIsolated {
        Unmanaged<Callback>.fromOpaque(data).takeRetainedValue().body(result)
      }
    }
}
