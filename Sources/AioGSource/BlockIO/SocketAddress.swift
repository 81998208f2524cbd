// Where a socket is bound or connected: what the kernel calls a sockaddr.

import CLiburing
import Glibc

/// The address of a socket: a path, or a number and a port.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The address as the kernel has it.
  public let bytes: [UInt8]

  /// An address as the kernel has it.
  public init(bytes: [UInt8]) { self.bytes = bytes }

  /// An address as the system's calls give it: `length` bytes.
  public init(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) {
    bytes = Array(UnsafeRawBufferPointer(start: address, count: Int(length)))
  }

  /// The address of a Unix socket; nil where the path is longer than the 107 bytes there is room for.
  public init?(unixPath path: String) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    if path.utf8.count >= room { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)!
    bytes = withUnsafeBytes(of: address) { Array($0[..<(start + path.utf8.count + 1)]) }
  }

  /// An IPv4 address in dotted notation; nil where it is none.
  public init?(ipv4 text: String, port: UInt16) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    if inet_pton(AF_INET, text, &address.sin_addr) != 1 { return nil }
    bytes = withUnsafeBytes(of: address) { Array($0) }
  }

  /// An IPv6 address; nil where it is none.
  public init?(ipv6 text: String, port: UInt16) {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    if inet_pton(AF_INET6, text, &address.sin6_addr) != 1 { return nil }
    bytes = withUnsafeBytes(of: address) { Array($0) }
  }

  /// `AF_…`; 0 for the address of nobody.
  public var family: Int32 {
    bytes.count < 2 ? 0 : bytes.withUnsafeBytes { Int32($0.loadUnaligned(as: sa_family_t.self)) }
  }

  /// The port of an IP address.
  public var port: UInt16? {
    guard family == AF_INET || family == AF_INET6, bytes.count >= 4 else { return nil }
    return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
  }

  /// Calls `body` with the address as C has it.
  public func withSocketAddress<Result, Failure: Error>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var storage = sockaddr_storage()
    withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes.prefix($0.count)) }
    let length = socklen_t(bytes.count)
    return try withUnsafePointer(to: storage) { pointer throws(Failure) in
      try body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), length)
    }
  }

  /// `unix:` and the path, or the numeric address and the port; `nobody` for what is neither.
  public var description: String {
    switch family {
    case AF_UNIX:
      let path = bytes.dropFirst(2).prefix { $0 != 0 }
      return path.isEmpty ? "unix:" : "unix:" + String(decoding: path, as: UTF8.self)
    case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size,
      AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
      let start = family == AF_INET ? 4 : 8
      var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      _ = bytes.withUnsafeBytes {
        inet_ntop(family, $0.baseAddress! + start, &text, socklen_t(text.count))
      }
      let number = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      return family == AF_INET ? "\(number):\(port ?? 0)" : "[\(number)]:\(port ?? 0)"
    default: return "nobody"
    }
  }
}
