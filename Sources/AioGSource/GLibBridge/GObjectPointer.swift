// The two forms in which Swift imports a pointer to a GObject, under one name.

import CGLib

/// A pointer to a GObject: `OpaquePointer` where the header keeps the structure to itself or it is an interface, as
/// with `GFile *`, else `UnsafeMutablePointer`, as with `GInputStream *`.
public protocol GObjectPointer {
  /// The same object as a `GObject *`.
  var gobject: UnsafeMutablePointer<GObject> { get }
}

extension OpaquePointer: GObjectPointer {
  /// The same object as a `GObject *`.
  public var gobject: UnsafeMutablePointer<GObject> { UnsafeMutablePointer(self) }
}

extension UnsafeMutablePointer: GObjectPointer {
  /// The same object as a `GObject *`.
  public var gobject: UnsafeMutablePointer<GObject> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: GObject.self)
  }
}
