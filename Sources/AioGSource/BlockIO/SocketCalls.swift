// The socket operations, and a stream's read and write, as plain system calls. Any thread.

import CLiburing
import Glibc

enum SocketCalls {
  /// One call: its result, or a negative errno. EAGAIN where it would have to wait and may not.
  static func call(_ request: Request, mayBlock: Bool, _ kernel: Kernel) -> Int {
    let descriptor = request.pointee.descriptor
    let flags = CInt(bitPattern: request.pointee.flags) | (mayBlock ? 0 : CInt(MSG_DONTWAIT))
    switch request.pointee.operation {
    case .accept:
      let peer = unsafeDowncast(request.pointee.owner.unsafelyUnwrapped, to: PeerAddress.self)
      peer.length.pointee = socklen_t(MemoryLayout<sockaddr_storage>.size)
      return Int(
        kernel.accept(descriptor, peer.storage, peer.length, CInt(request.pointee.flags)))
    case .connect:
      return Int(
        kernel.connect(
          descriptor, request.pointee.address?.assumingMemoryBound(to: sockaddr.self),
          socklen_t(request.pointee.offset)))
    case .receive:
      return kernel.receive(
        descriptor, request.pointee.address, request.pointee.transfer.length, flags)
    case .send:
      return kernel.send(
        descriptor, request.pointee.address, request.pointee.transfer.length,
        flags | CInt(MSG_NOSIGNAL))
    case .receiveMessage:
      return kernel.receiveMessage(descriptor, message(request), flags)
    case .sendMessage:
      return kernel.sendMessage(descriptor, message(request), flags | CInt(MSG_NOSIGNAL))
    default: return -Int(EINVAL)
    }
  }

  private static func message(_ request: Request) -> UnsafeMutablePointer<msghdr> {
    request.pointee.address.unsafelyUnwrapped.assumingMemoryBound(to: msghdr.self)
  }
}
