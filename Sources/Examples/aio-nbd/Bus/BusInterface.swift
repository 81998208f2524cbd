// What `org.aiogsource.Nbd1` is to others: names, and the interface's description as D-Bus tells it to those who ask.
//
// The description is read once and kept: registrations refer to it. GDBus checks calls against it, so the arguments of a
// call that comes through are of the types that it gives.

import AioGSource
import CGLib

/// The names, and the interface.
enum BusInterface {
  static let name = "org.aiogsource.Nbd1"
  static let path = "/org/aiogsource/Nbd1"

  /// A `GDBusInterfaceInfo *`, for good.
  @MainActor static let info: UnsafeMutablePointer<GDBusInterfaceInfo> = {
    do {
      let node = try withGLibError { g_dbus_node_info_new_for_xml(description, $0) }!
      defer { g_dbus_node_info_unref(node) }
      return g_dbus_interface_info_ref(node.pointee.interfaces[0])
    } catch {
      preconditionFailure("the description of \(name) cannot be read: \(error)")
    }
  }()

  private static let description = """
    <node>
      <interface name="\(name)">
        <!-- Each export: name, path, size, read-only, connections, and its counters. -->
        <method name="ListExports"><arg name="exports" type="aa{sv}" direction="out"/></method>
        <!-- Each client: id, export ('' in the handshake), peer, thread, in-flight, and its counters. -->
        <method name="ListConnections">
          <arg name="connections" type="aa{sv}" direction="out"/>
        </method>
        <!-- Serves a file, by its absolute path. An empty name stands for the file's. -->
        <method name="AddExport">
          <arg name="path" type="s" direction="in"/>
          <arg name="name" type="s" direction="in"/>
          <arg name="read_only" type="b" direction="in"/>
          <arg name="export" type="a{sv}" direction="out"/>
        </method>
        <!-- Answers when the export's last connection has ended. -->
        <method name="RemoveExport"><arg name="name" type="s" direction="in"/></method>
        <!-- How many exports and connections there are, and the sums of the exports' counters. -->
        <property name="Totals" type="a{sv}" access="read">
          <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="false"/>
        </property>
        <signal name="ConnectionOpened"><arg name="connection" type="a{sv}"/></signal>
        <signal name="ConnectionClosed"><arg name="connection" type="a{sv}"/></signal>
        <signal name="ExportAdded"><arg name="export" type="a{sv}"/></signal>
        <signal name="ExportRemoved"><arg name="name" type="s"/></signal>
      </interface>
    </node>
    """
}
