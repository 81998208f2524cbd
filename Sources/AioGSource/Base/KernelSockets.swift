// Sockets, as the kernel's seam has them (Kernel.swift).

import CLiburing
import Glibc

class KernelSockets: KernelFiles, @unchecked Sendable {
  func accept(
    _ listener: CInt, _ address: UnsafeMutablePointer<sockaddr>?,
    _ length: UnsafeMutablePointer<socklen_t>?, _ flags: CInt
  ) -> CInt {
    resultOrErrno(accept4(listener, address, length, flags))
  }

  func connect(_ socket: CInt, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t) -> CInt {
    resultOrErrno(Glibc.connect(socket, address, length))
  }

  func receive(
    _ socket: CInt, _ bytes: UnsafeMutableRawPointer?, _ count: Int, _ flags: CInt
  ) -> Int {
    resultOrErrno(recv(socket, bytes, count, flags))
  }

  func send(_ socket: CInt, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: CInt) -> Int {
    resultOrErrno(Glibc.send(socket, bytes, count, flags))
  }

  func receiveMessage(
    _ socket: CInt, _ message: UnsafeMutablePointer<msghdr>, _ flags: CInt
  ) -> Int {
    resultOrErrno(recvmsg(socket, message, flags))
  }

  func sendMessage(_ socket: CInt, _ message: UnsafePointer<msghdr>, _ flags: CInt) -> Int {
    resultOrErrno(sendmsg(socket, message, flags))
  }

  func shutDown(_ socket: CInt, _ direction: CInt) -> CInt {
    resultOrErrno(shutdown(socket, direction))
  }

  /// The errno that a socket holds for us, SO_ERROR, which is forgotten then.
  func pendingError(_ socket: CInt) -> CInt {
    var error: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    let status = getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length)
    return status == 0 ? error : errno
  }
}
