// The socket that clients connect to. Any thread.

import AioGSource
import Glibc
import SystemPackage

/// Where a server listens.
public enum Endpoint: Sendable, Hashable, CustomStringConvertible {
  /// A socket in the file system.
  case unix(path: String)
  /// An IPv4 or IPv6 address.
  case tcp(address: String, port: UInt16)

  public var description: String {
    switch self {
    case .unix(let path): "unix:\(path)"
    case .tcp(let address, let port):
      address.contains(":") ? "tcp:[\(address)]:\(port)" : "tcp:\(address):\(port)"
    }
  }

  /// Whether others than this machine's users could reach it.
  public var isOpenToTheNetwork: Bool {
    guard case .tcp(let address, _) = self else { return false }
    return !address.hasPrefix("127.") && address != "::1"
  }
}

/// Why there is no listening.
public struct ListenError: Error, CustomStringConvertible {
  public let description: String
}

final class Listener: Sendable {
  let socket: FileDescriptor
  /// With the port that the kernel chose, where none was given.
  let endpoint: Endpoint

  init(_ endpoint: Endpoint) throws(ListenError) {
    func fail(_ error: Errno) -> ListenError {
      ListenError(description: "cannot listen on \(endpoint): \(error)")
    }
    let address: SocketAddress?
    switch endpoint {
    case .unix(let path): address = SocketAddress(unixPath: path)
    case .tcp(let text, let port):
      address = SocketAddress(ipv4: text, port: port) ?? SocketAddress(ipv6: text, port: port)
    }
    guard let address else {
      throw ListenError(description: "\(endpoint) is no address that can be listened on")
    }
    do throws(Errno) {
      if case .unix(let path) = endpoint {
        socket = try Self.open(unix: path, address)
      } else {
        socket = try Self.open(address)
      }
    } catch {
      throw fail(error)
    }
    if case .tcp(let text, _) = endpoint {
      self.endpoint = .tcp(address: text, port: Self.port(of: socket))
    } else {
      self.endpoint = endpoint
    }
  }

  deinit {
    // In this order: once it is closed, the path may be another server's.
    if case .unix(let path) = endpoint { unlink(path) }
    try? socket.close()
  }

  /// The socket of a server that was killed goes on listening for some milliseconds, while the kernel takes down what that
  /// had under way.
  private static let patience = (tries: 50, microseconds: UInt32(20_000))

  private static func open(
    unix path: String, _ address: SocketAddress
  ) throws(Errno) -> FileDescriptor {
    for _ in 1..<patience.tries {
      try removeStale(path, address)
      do throws(Errno) {
        return try open(address)
      } catch .addressInUse {
        usleep(patience.microseconds)
      } catch {
        throw error
      }
    }
    return try open(address)
  }

  private static func open(_ address: SocketAddress) throws(Errno) -> FileDescriptor {
    let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    let number = Glibc.socket(address.family, type, 0)
    if number < 0 { throw Errno(rawValue: errno) }
    do throws(Errno) {
      var one: CInt = 1
      setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
      // For its owner alone: what binding makes has the mode that the socket has by then. By umask(2) it would be the
      // whole process's mask that is another for a moment.
      if address.family == AF_UNIX && fchmod(number, 0o600) != 0 { throw Errno(rawValue: errno) }
      if address.withSocketAddress({ bind(number, $0, $1) }) != 0 { throw Errno(rawValue: errno) }
      if listen(number, 1024) != 0 { throw Errno(rawValue: errno) }
    } catch {
      close(number)
      throw error
    }
    return FileDescriptor(rawValue: number)
  }

  /// A socket that a server left behind that was killed: one that nobody listens on. Anything else stays, and has
  /// binding fail.
  private static func removeStale(_ path: String, _ address: SocketAddress) throws(Errno) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
    // Not to wait where it has as many clients as it takes.
    let type =
      CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    let number = Glibc.socket(AF_UNIX, type, 0)
    if number < 0 { throw Errno(rawValue: errno) }
    defer { close(number) }
    let connected = address.withSocketAddress { connect(number, $0, $1) }
    if connected != 0 && errno == ECONNREFUSED { unlink(path) }
  }

  private static func port(of socket: FileDescriptor) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        guard getsockname(socket.rawValue, $0, &length) == 0 else { return 0 }
        return SocketAddress($0, length).port ?? 0
      }
    }
  }
}
