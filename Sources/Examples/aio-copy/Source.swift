// The file to copy: open for reading, its size and permissions as they were then.

import AioGSource
import Glibc
import SystemPackage

final class Source: Sendable {
  let path: FilePath
  let descriptor: FileDescriptor
  /// Bytes.
  let size: Int64
  let permissions: FilePermissions
  let isDirect: Bool
  private let isRegular: Bool
  private let identity: FileIdentity

  init(_ path: FilePath, isDirect: Bool) throws(CopyError) {
    // Before the open, which would wait for the other end of a pipe.
    let status: stat
    do {
      status = try FileIdentity.status(of: path)
    } catch {
      throw .cannotRead(path, error)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG, S_IFBLK: break
    case S_IFDIR: throw .cannotRead(path, .isDirectory)
    default:
      throw CopyError(
        description: "cannot read \(path): it is neither a regular file nor a block device")
    }
    self.path = path
    self.isDirect = isDirect
    isRegular = status.st_mode & S_IFMT == S_IFREG
    identity = FileIdentity(status)
    permissions = FilePermissions(rawValue: status.st_mode & 0o777)
    do {
      let options: FileDescriptor.OpenOptions = isDirect ? [.closeOnExec, .direct] : .closeOnExec
      descriptor = try FileDescriptor.open(path, .readOnly, options: options)
    } catch Errno.invalidArgument where isDirect {
      throw .noDirectIO(path)
    } catch {
      throw .cannotRead(path, error as? Errno ?? .ioError)
    }
    if isRegular {
      size = Int64(status.st_size)
      if size == 0 { try checkThatItIsEmpty() }
    } else {
      do {
        size = try descriptor.seek(offset: 0, from: .end)
      } catch {
        throw .cannotRead(path, error as? Errno ?? .ioError)
      }
    }
  }

  deinit { try? descriptor.close() }

  /// Those of /proc say 0 and have something.
  private func checkThatItIsEmpty() throws(CopyError) {
    var byte: UInt8 = 0
    if pread(descriptor.rawValue, &byte, 1, 0) > 0 {
      throw CopyError(description: "cannot copy \(path): it does not say how long it is")
    }
  }

  func isSame(_ status: stat) -> Bool { FileIdentity(status) == identity }

  /// Whether something of it is gone since it was opened.
  var hasShrunk: Bool {
    guard isRegular, let now = try? descriptor.seek(offset: 0, from: .end) else { return false }
    return now < size
  }
}

/// Which file it is, whatever its names are.
struct FileIdentity: Equatable {
  let device: dev_t
  let inode: ino_t

  init(_ status: stat) {
    device = status.st_dev
    inode = status.st_ino
  }

  static func status(of path: FilePath, followsLinks: Bool = true) throws(Errno) -> stat {
    var status = stat()
    let result = path.withPlatformString {
      followsLinks ? stat($0, &status) : lstat($0, &status)
    }
    if result != 0 { throw Errno(rawValue: errno) }
    return status
  }
}
