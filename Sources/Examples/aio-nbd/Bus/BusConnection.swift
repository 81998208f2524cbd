// A connection to the session bus, with the object on it and the name: what GDBus is told. Main actor; GDBus calls back on
// the main thread, for the default GMainContext is that thread's default where the connection is made.
//
// The connection is the program's own, not the one that `g_bus_get` shares: nobody else is served by it when it is closed,
// and GDBus does not end the process when the bus goes away.

import AioGSource
import CGLib

@MainActor final class BusConnection {
  /// A `GDBusConnection *`, of which this holds a reference.
  nonisolated(unsafe) private let pointer: OpaquePointer
  private var registration: guint = 0
  private var closedHandler: gulong = 0
  private var hasName = false

  private init(taking pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    g_object_unref(UnsafeMutableRawPointer(pointer))
  }

  var isClosed: Bool { g_dbus_connection_is_closed(pointer) != 0 }

  /// Connects, registers the bus's object, and takes the name. The task may be cancelled.
  static func open(for bus: Bus) async -> Result<BusConnection, BusError> {
    do throws(GLibError) {
      // Where there is no address, GLib may ask a helper program for one.
      let address = try withGLibError {
        g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SESSION, nil, $0)
      }
      defer { g_free(address) }
      let flags = GDBusConnectionFlags(
        rawValue: G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT.rawValue
          | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION.rawValue)
      let pointer = try await GIO.call { cancellable, callback, data in
        g_dbus_connection_new_for_address(address, flags, nil, cancellable, callback, data)
      } finish: { result, error in
        g_dbus_connection_new_for_address_finish(result, error)
      }!
      let connection = BusConnection(taking: pointer)
      do throws(GLibError) {
        try connection.register(bus)
        if try await connection.requestName() { return .success(connection) }
        connection.withdraw()
        await connection.close()
        return .failure(.nameTaken)
      } catch {
        connection.withdraw()
        await connection.close()
        throw error
      }
    } catch {
      return .failure(error.isCancelled ? .noAnswer : .noBus(error))
    }
  }

  /// True if the name is ours now.
  private func requestName() async throws(GLibError) -> Bool {
    let reply = try await GIO.call(pointer) { connection, cancellable, callback, data in
      // Without a place in the queue for it.
      let arguments = Variants.tuple(
        g_variant_new_string(BusInterface.name),
        g_variant_new_uint32(G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE.rawValue))
      Self.callTheBus(connection, "RequestName", arguments, cancellable, callback, data)
    } finish: {
      g_dbus_connection_call_finish($0, $1, $2)
    }!
    defer { g_variant_unref(reply) }
    // DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER
    hasName = BusArguments(tuple: reply).count(0) == 1
    return hasName
  }

  /// No more calls, and no name; whoever else calls finds nobody. Calls under way can still be answered. At once; again, it
  /// does nothing.
  func withdraw() {
    if closedHandler != 0 {
      g_signal_handler_disconnect(UnsafeMutableRawPointer(pointer), closedHandler)
    }
    if registration != 0 { g_dbus_connection_unregister_object(pointer, registration) }
    if hasName && !isClosed {
      Self.callTheBus(
        pointer, "ReleaseName", Variants.tuple(g_variant_new_string(BusInterface.name)), nil, nil,
        nil)
    }
    closedHandler = 0
    registration = 0
    hasName = false
  }

  /// Writes what is to be written, and closes. Nothing is to be said of a connection that cannot.
  func close() async {
    // Not by the task's cancellation.
    await Task { [pointer] in
      do throws(GLibError) {
        try await GIO.call(pointer) {
          g_dbus_connection_flush($0, $1, $2, $3)
        } finish: {
          _ = g_dbus_connection_flush_finish($0, $1, $2)
        }
        try await GIO.call(pointer) {
          g_dbus_connection_close($0, $1, $2, $3)
        } finish: {
          _ = g_dbus_connection_close_finish($0, $1, $2)
        }
      } catch {}
    }.value
  }

  func emit(_ signal: String, _ body: FloatingVariant) {
    // It fails for names that are none, and where the connection is closed.
    g_dbus_connection_emit_signal(
      pointer, nil, BusInterface.path, BusInterface.name, signal, body, nil)
  }

  private static func callTheBus(
    _ connection: OpaquePointer, _ method: String, _ arguments: FloatingVariant,
    _ cancellable: UnsafeMutablePointer<GCancellable>?, _ callback: GAsyncReadyCallback?,
    _ data: UnsafeMutableRawPointer?
  ) {
    g_dbus_connection_call(
      connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method,
      arguments, nil, G_DBUS_CALL_FLAGS_NONE, -1, cancellable, callback, data)
  }

  private func register(_ bus: Bus) throws(GLibError) {
    var table = BusCallbacks.table
    registration = try withGLibError {
      g_dbus_connection_register_object(
        pointer, BusInterface.path, BusInterface.info, &table, BusCallbacks.retained(bus),
        BusCallbacks.release, $0)
    }
    closedHandler = g_signal_connect_data(
      UnsafeMutableRawPointer(pointer), "closed", BusCallbacks.closed, BusCallbacks.retained(bus),
      BusCallbacks.releaseOfClosure, GConnectFlags(rawValue: 0))
  }
}
