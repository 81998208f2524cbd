// What GDBus calls, on the main thread: it is on the main actor, and says so. The data is a reference on the bus, which GDBus
// gives back when it will not call any more.

import AioGSource
import CGLib

enum BusCallbacks {
  static func retained(_ bus: Bus) -> UnsafeMutableRawPointer {
    Unmanaged.passRetained(bus).toOpaque()
  }

  static let release: GDestroyNotify = { Unmanaged<Bus>.fromOpaque($0!).release() }

  static let releaseOfClosure: GClosureNotify = { data, _ in
    Unmanaged<Bus>.fromOpaque(data!).release()
  }

  /// GDBus makes a copy of it.
  static var table: GDBusInterfaceVTable {
    var table = GDBusInterfaceVTable()
    table.method_call = { _, _, _, _, method, parameters, invocation, data in
      let method = String(cString: method!)
      nonisolated(unsafe) let (parameters, invocation, data) = (parameters!, invocation!, data!)
      MainActor.assumeIsolated {
        Unmanaged<Bus>.fromOpaque(data).takeUnretainedValue().handle(
          method, BusArguments(tuple: parameters), BusInvocation(pointer: invocation))
      }
    }
    table.get_property = { _, _, _, _, property, _, data in
      let property = String(cString: property!)
      nonisolated(unsafe) let data = data!
      nonisolated(unsafe) var value: OpaquePointer?
      MainActor.assumeIsolated {
        value = Unmanaged<Bus>.fromOpaque(data).takeUnretainedValue().property(property)
      }
      return value
    }
    return table
  }

  /// The handler of a connection's signal "closed".
  static var closed: GCallback {
    let handler:
      @Sendable @convention(c) (
        OpaquePointer?, gboolean, UnsafeMutablePointer<GError>?, gpointer?
      ) -> Void = { _, _, error, data in
        let error = error.map { GLibError(copying: $0) }
        nonisolated(unsafe) let data = data!
        MainActor.assumeIsolated {
          Unmanaged<Bus>.fromOpaque(data).takeUnretainedValue().connectionWasLost(error)
        }
      }
    return unsafeBitCast(handler, to: GCallback.self)
  }
}
