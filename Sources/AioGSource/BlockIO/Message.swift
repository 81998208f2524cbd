// Messages with control data, as sendmsg(2) and recvmsg(2) have them.

import CLiburing
import Glibc
import SystemPackage

/// What goes along with a message besides its bytes.
public struct ControlMessage: Hashable, Sendable {
  /// `SOL_SOCKET`, say.
  public var level: Int32
  /// `SCM_RIGHTS`, say.
  public var type: Int32
  /// The data, without cmsg(3)'s header.
  public var bytes: [UInt8]

  /// Control data of whatever kind; ``descriptors(_:)`` makes those that carry descriptors.
  public init(level: Int32, type: Int32, bytes: [UInt8]) {
    self.level = level
    self.type = type
    self.bytes = bytes
  }

  /// Descriptors to be sent over a Unix socket: the receiver gets duplicates. They have to stay open until the completion.
  public static func descriptors(_ descriptors: [FileDescriptor]) -> ControlMessage {
    let numbers = descriptors.map { $0.rawValue }
    return ControlMessage(
      level: SOL_SOCKET, type: Int32(SCM_RIGHTS),
      bytes: numbers.withUnsafeBytes { Array($0) })
  }

  /// The descriptors that came with a message, the receiver's to close; empty if this is something else.
  public var descriptors: [FileDescriptor] {
    guard level == SOL_SOCKET && type == Int32(SCM_RIGHTS) else { return [] }
    let size = MemoryLayout<CInt>.size
    return bytes.withUnsafeBytes { raw in
      (0..<bytes.count / size).map {
        FileDescriptor(rawValue: raw.loadUnaligned(fromByteOffset: $0 * size, as: CInt.self))
      }
    }
  }
}

/// A message that was received.
public struct ReceivedMessage: Hashable, Sendable {
  /// Bytes received.
  public var count: Int
  /// Where it came from; nobody on a connected stream.
  public var sender: SocketAddress
  /// What came along.
  public var control: [ControlMessage]
  /// `MSG_TRUNC`, `MSG_CTRUNC` and so on.
  public var flags: Int32
}

/// The memory behind one message. The kernel reads and writes it while its request is under way.
final class Message: Payload, @unchecked Sendable {
  let header: UnsafeMutablePointer<msghdr>
  private let vectors: Vectors
  private let control: UnsafeMutableRawPointer
  private let controlCapacity: Int
  private let address: UnsafeMutablePointer<sockaddr_storage>

  var length: Int { vectors.length }

  private init(_ vectors: Vectors, controlBytes: Int) {
    self.vectors = vectors
    controlCapacity = controlBytes
    control = .allocate(byteCount: max(controlBytes, 1), alignment: MemoryLayout<cmsghdr>.alignment)
    memset(control, 0, controlBytes)
    address = .allocate(capacity: 1)
    address.initialize(to: sockaddr_storage())
    header = .allocate(capacity: 1)
    header.initialize(to: msghdr())
    header.pointee.msg_iov = vectors.rest
    // All of them, be it too many: the kernel refuses what would otherwise be cut short.
    header.pointee.msg_iovlen = vectors.count
    if controlBytes > 0 {
      header.pointee.msg_control = control
      header.pointee.msg_controllen = controlBytes
    }
  }

  deinit {
    header.deallocate()
    control.deallocate()
    address.deallocate()
  }

  /// To be received.
  convenience init(_ buffers: [AIOBuffer], controlCapacity: Int) {
    self.init(Vectors(buffers), controlBytes: max(controlCapacity, 0))
    header.pointee.msg_name = UnsafeMutableRawPointer(address)
    header.pointee.msg_namelen = socklen_t(MemoryLayout<sockaddr_storage>.size)
  }

  /// To be sent.
  convenience init(_ vectors: Vectors, control: [ControlMessage], address: SocketAddress?) {
    self.init(vectors, controlBytes: control.reduce(0) { $0 + aiogs_cmsg_space($1.bytes.count) })
    var cursor = aiogs_cmsg_first(header)
    for message in control {
      guard let entry = cursor else { break }
      entry.pointee.cmsg_level = message.level
      entry.pointee.cmsg_type = message.type
      entry.pointee.cmsg_len = aiogs_cmsg_length(message.bytes.count)
      message.bytes.withUnsafeBytes {
        if let start = $0.baseAddress { memcpy(aiogs_cmsg_data(entry), start, $0.count) }
      }
      cursor = aiogs_cmsg_next(header, entry)
    }
    if let address {
      let storage = UnsafeMutableRawPointer(self.address)
      let count = min(address.bytes.count, MemoryLayout<sockaddr_storage>.size)
      storage.copyMemory(from: address.bytes, byteCount: count)
      header.pointee.msg_name = storage
      header.pointee.msg_namelen = socklen_t(count)
    }
  }

  /// What the kernel wrote.
  func received(_ count: Int) -> ReceivedMessage {
    var messages: [ControlMessage] = []
    var cursor = header.pointee.msg_controllen > 0 ? aiogs_cmsg_first(header) : nil
    while let entry = cursor {
      let length = Int(entry.pointee.cmsg_len) - Int(aiogs_cmsg_length(0))
      messages.append(
        ControlMessage(
          level: entry.pointee.cmsg_level, type: entry.pointee.cmsg_type,
          bytes: Array(
            UnsafeRawBufferPointer(start: aiogs_cmsg_data(entry), count: max(length, 0)))))
      cursor = aiogs_cmsg_next(header, entry)
    }
    let sender = SocketAddress(
      UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr.self),
      header.pointee.msg_namelen)
    return ReceivedMessage(
      count: count, sender: sender, control: messages, flags: header.pointee.msg_flags)
  }
}
