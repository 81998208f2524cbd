// What each method, property and signal of the interface does. Main actor.
//
// A call that only asks is answered at once. One that waits for the server is a task: others are answered meanwhile.

import CGLib
import NBDServer

extension Bus {
  /// GDBus has compared the arguments with the interface's.
  func handle(_ method: String, _ arguments: BusArguments, _ invocation: BusInvocation) {
    switch method {
    case "ListExports":
      invocation.succeed(
        Variants.tuple(Variants.array(of: "a{sv}", control.exports.map(\.dictionary.variant))))
    case "ListConnections":
      invocation.succeed(
        Variants.tuple(Variants.array(of: "a{sv}", control.connections.map(\.dictionary.variant))))
    case "AddExport":
      addExport(arguments, invocation)
    case "RemoveExport":
      let name = arguments.string(0)
      answer(invocation) { [self] () throws(ControlError) in
        try await control.removeExport(name: name)
        emit("ExportRemoved", g_variant_new_string(name))
        return nil
      }
    default:
      preconditionFailure("\(Bus.name) has a method \(method) that nothing implements")
    }
  }

  private func addExport(_ arguments: BusArguments, _ invocation: BusInvocation) {
    let (path, name) = (arguments.string(0), arguments.string(1))
    let isReadOnly = arguments.boolean(2)
    guard path.hasPrefix("/") else {
      invocation.fail(
        ControlError.Kind.cannotOpen.busName,
        "the path has to be absolute, for the server's working directory is not the caller's")
      return
    }
    answer(invocation) { [self] () throws(ControlError) in
      let export = try await control.addExport(
        path: path, name: name.isEmpty ? nil : name, isReadOnly: isReadOnly)
      emit("ExportAdded", export.dictionary.variant)
      return Variants.tuple(export.dictionary.variant)
    }
  }

  func property(_ name: String) -> FloatingVariant {
    precondition(name == "Totals", "\(Bus.name) has a property \(name) that nothing implements")
    return control.totals.variant
  }

  /// Tells who listens that a client has come.
  public func connectionOpened(_ connection: ConnectionStatus) {
    emit("ConnectionOpened", connection.dictionary.variant)
  }

  /// Tells who listens that a client has gone, and what it did.
  public func connectionClosed(_ connection: ConnectionStatus) {
    emit("ConnectionClosed", connection.dictionary.variant)
  }
}

/// A call that waits for its answer, of which there is exactly one.
@MainActor struct BusInvocation {
  /// A `GDBusMethodInvocation *`, which the answer gives back.
  let pointer: OpaquePointer

  /// - Parameter body: a tuple; nil for an empty one.
  func succeed(_ body: FloatingVariant?) {
    g_dbus_method_invocation_return_value(pointer, body)
  }

  func fail(_ name: String, _ message: String) {
    g_dbus_method_invocation_return_dbus_error(pointer, name, message)
  }
}
