// Swift's errors as GLib's, for those who implement what GLib calls: a D-Bus method, a GTask, a virtual function.
// Any thread.

import CGLib
import Glibc
import SystemPackage

extension GLibError {
  /// What GLib would say of any Swift error. A kernel's error, ``AioError/system(call:_:)`` included, becomes the
  /// `G_IO_ERROR` that `g_io_error_from_errno` knows for it, with the kernel's sentence; `CancellationError` becomes
  /// `G_IO_ERROR_CANCELLED`; a `GLibError` stays itself; of all others there is `G_IO_ERROR_FAILED` with the
  /// description.
  public init(_ error: any Error) {
    switch error {
    case let error as GLibError: self = error
    case let error as Errno: self.init(errno: error, message: Self.sentence(of: error))
    case AioError.system(let call, let error):
      self.init(errno: error, message: "\(call) failed: \(Self.sentence(of: error))")
    case is CancellationError: self.init(G_IO_ERROR_CANCELLED, message: "Operation was cancelled")
    default: self.init(G_IO_ERROR_FAILED, message: String(describing: error))
    }
  }

  private init(errno: Errno, message: String) {
    self.init(g_io_error_from_errno(errno.rawValue), message: message)
  }

  /// In the locale's language, and UTF-8 whatever its encoding.
  private static func sentence(of error: Errno) -> String {
    String(cString: g_strerror(error.rawValue))
  }

  /// A new `GError`, which the caller owns: it goes to who takes it over, `g_task_return_error` for one, or to
  /// `g_error_free`.
  public func makeGError() -> UnsafeMutablePointer<GError> {
    g_error_new_literal(g_quark_from_string(domain), code, message)
  }

  /// Reports a Swift error as a C function does, where the caller wants to know of it.
  ///
  /// - Parameter destination: the caller's `GError **`: nil, or where no error is yet.
  public static func set(
    _ destination: UnsafeMutablePointer<UnsafeMutablePointer<GError>?>?, to error: any Error
  ) {
    guard let destination else { return }
    precondition(
      destination.pointee == nil, "a GError was set over another one, which would be lost")
    destination.pointee = GLibError(error).makeGError()
  }
}
