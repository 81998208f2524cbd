// GLib's errors as Swift's: a copy of what a `GError` says, so that nobody has to free one. Any thread.
//
// The other way, for those who implement what GLib calls, stands in GLibError+Making.swift.

import CGLib

/// What a `GError` says: who reports, which of his errors it is, and a sentence for people.
public struct GLibError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The name of the error's domain, `g-io-error-quark` for one: codes mean something only within it.
  public let domain: String
  /// Which of the domain's errors.
  public let code: CInt
  /// For people, in their language.
  public let message: String

  /// An error of one's own.
  public init(domain: String, code: CInt, message: String) {
    self.domain = domain
    self.code = code
    self.message = message
  }

  /// An error of GIO's own domain.
  public init(_ code: GIOErrorEnum, message: String) {
    self.init(domain: Self.ioDomain, code: CInt(code.rawValue), message: message)
  }

  /// What an error says that stays its owner's.
  public init(copying error: UnsafePointer<GError>) {
    domain = String(cString: g_quark_to_string(error.pointee.domain))
    code = error.pointee.code
    message = error.pointee.message.map { String(cString: $0) } ?? ""
  }

  /// What an error says that was handed over to the caller; it is freed here.
  public init(taking error: UnsafeMutablePointer<GError>) {
    self.init(copying: error)
    g_error_free(error)
  }

  /// The message, with the domain and the code behind it.
  public var description: String { "\(message) (\(domain), \(code))" }

  // MARK: GIO's domain

  /// The name of GIO's domain, `G_IO_ERROR`.
  public static let ioDomain = String(cString: g_quark_to_string(g_io_error_quark()))

  /// Which of GIO's errors it is; nil for one of another domain.
  public var ioErrorCode: GIOErrorEnum? {
    domain == Self.ioDomain && code >= 0 ? GIOErrorEnum(rawValue: UInt32(code)) : nil
  }

  /// Whether it says that the operation was cancelled: `G_IO_ERROR_CANCELLED`.
  public var isCancelled: Bool { ioErrorCode == G_IO_ERROR_CANCELLED }
}

/// Calls a C function that reports errors by way of a `GError **`, and throws the error if there was one.
///
/// The same thread. The error is freed; what the function returned is dropped if it reported one, which by GLib's rule
/// is nothing then.
///
/// ```swift
/// let address = try withGLibError { g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SESSION, nil, $0) }
/// ```
public func withGLibError<Result>(
  _ body: (_ error: UnsafeMutablePointer<UnsafeMutablePointer<GError>?>) -> Result
) throws(GLibError) -> Result {
  var error: UnsafeMutablePointer<GError>?
  let result = body(&error)
  if let error { throw GLibError(taking: error) }
  return result
}
