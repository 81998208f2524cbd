// Where the copy goes: a temporary file in the same directory, which takes the destination's name in one step when it is
// whole and on the disk. Until then what has that name is not touched; without that step, nothing is left behind.

import AioGSource
import Glibc
import SystemPackage

final class Destination: @unchecked Sendable {
  /// As the user calls it, for messages.
  let path: FilePath
  let descriptor: FileDescriptor
  /// The same with links followed: a link to the old file is one to the new.
  private let target: FilePath
  private let temporary: FilePath
  private var isInPlace = false

  init(_ argument: String, for source: Source) throws(CopyError) {
    var path = FilePath(argument)
    if let status = try? FileIdentity.status(of: path), status.st_mode & S_IFMT == S_IFDIR {
      path.append(source.path.lastComponent!)
    } else if argument.hasSuffix("/") || argument.isEmpty {
      throw CopyError(description: "cannot write '\(argument)': it is not a directory")
    }
    self.path = path
    target = try Self.followLink(path)
    try Self.checkWhatIsThere(target, named: path, source)
    (descriptor, temporary) = try Self.makeTemporary(
      in: target.removingLastComponent(), for: path, isDirect: source.isDirect)
  }

  deinit {
    try? descriptor.close()
    if !isInPlace { _ = temporary.withPlatformString { unlink($0) } }
  }

  private static func followLink(_ path: FilePath) throws(CopyError) -> FilePath {
    guard let status = try? FileIdentity.status(of: path, followsLinks: false),
      status.st_mode & S_IFMT == S_IFLNK
    else { return path }
    guard let resolved = path.withPlatformString({ realpath($0, nil) }) else {
      throw .cannotWrite(path, Errno(rawValue: errno))
    }
    defer { free(resolved) }
    return FilePath(platformString: resolved)
  }

  private static func checkWhatIsThere(
    _ target: FilePath, named path: FilePath, _ source: Source
  ) throws(CopyError) {
    // What it is that cannot be looked at, the temporary file will tell.
    guard let status = try? FileIdentity.status(of: target) else { return }
    if source.isSame(status) {
      throw CopyError(description: "\(source.path) and \(path) are the same file")
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw .cannotWrite(path, .isDirectory)
    default: throw CopyError(description: "cannot write \(path): it is not a regular file")
    }
    if target.withPlatformString({ access($0, W_OK) }) != 0 {
      throw .cannotWrite(path, Errno(rawValue: errno))
    }
  }

  private static func makeTemporary(
    in directory: FilePath, for path: FilePath, isDirect: Bool
  ) throws(CopyError) -> (FileDescriptor, FilePath) {
    var options: FileDescriptor.OpenOptions = [.create, .exclusiveCreate, .closeOnExec]
    if isDirect { options.insert(.direct) }
    while true {
      let name = ".aio-copy-" + String(UInt64.random(in: 0 ... .max), radix: 36)
      let temporary = directory.appending(name)
      do {
        let descriptor = try FileDescriptor.open(
          temporary, .writeOnly, options: options, permissions: .ownerReadWrite)
        return (descriptor, temporary)
      } catch Errno.fileExists {
        continue
      } catch Errno.invalidArgument where isDirect {
        // It is made before it is refused.
        _ = temporary.withPlatformString { unlink($0) }
        throw .noDirectIO(path)
      } catch {
        throw .cannotWrite(path, error as? Errno ?? .ioError)
      }
    }
  }

  /// All is written: the size, which may end in a hole or in a block that was written to its end, and the permissions.
  func complete(size: Int64, permissions: FilePermissions) throws(CopyError) {
    do {
      try descriptor.resize(to: size)
    } catch {
      throw .cannotWrite(path, error as? Errno ?? .ioError)
    }
    if fchmod(descriptor.rawValue, permissions.rawValue) != 0 {
      throw .cannotWrite(path, Errno(rawValue: errno))
    }
  }

  /// All is on the disk.
  func putInPlace() throws(CopyError) {
    let result = temporary.withPlatformString { temporary in
      target.withPlatformString { rename(temporary, $0) }
    }
    if result != 0 { throw .cannotWrite(path, Errno(rawValue: errno)) }
    isInPlace = true
  }
}
