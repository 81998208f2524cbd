// A file that is served, and what clients are told of it. Any thread.

import Glibc
import NBDProtocol
import Synchronization
import SystemPackage

/// How files are opened.
public struct ExportOptions: Sendable {
  /// O_DIRECT: reads and writes go past the page cache.
  public var isDirect = false

  public init() {}
}

/// One export. Its file is closed when the last connection to it has let go.
public final class Export: Sendable {
  /// What a READ or WRITE may carry: bytes, as most servers have it.
  static let maximumPayload: UInt32 = 32 << 20
  /// What O_DIRECT asks for at most of the disks there are.
  static let directAlignment: UInt32 = 4096

  let name: String
  let path: FilePath
  let isReadOnly: Bool
  let file: FileDescriptor
  let description: ExportDescription
  private let mayHaveHoles: Atomic<Bool>

  /// - Throws: `ControlError` of the kind `cannotOpen`, which says why.
  init(
    name: String, path: FilePath, isReadOnly: Bool, options: ExportOptions
  ) throws(ControlError) {
    guard ExportDescription.canCarry(name) else {
      throw ControlError(.cannotOpen, "an export's name has at most 4096 bytes, and no zero byte")
    }
    let opened: (file: FileDescriptor, size: Int64, isSparse: Bool)
    do throws(Errno) {
      opened = try Self.open(path, isReadOnly, options)
    } catch {
      throw ControlError(.cannotOpen, "\(path) cannot be served: \(error)")
    }
    let minimum = options.isDirect ? Self.directAlignment : 1
    self.name = name
    self.path = path
    self.isReadOnly = isReadOnly
    file = opened.file
    mayHaveHoles = Atomic(opened.isSparse)
    description = ExportDescription(
      name: name, size: UInt64(opened.size) / UInt64(minimum) * UInt64(minimum),
      flags: Self.flags(isReadOnly), minimumBlock: minimum, preferredBlock: 4096,
      maximumPayload: Self.maximumPayload)
  }

  deinit {
    try? file.close()
  }

  private static func open(
    _ path: FilePath, _ isReadOnly: Bool, _ options: ExportOptions
  ) throws(Errno) -> (FileDescriptor, Int64, Bool) {
    // Without O_NONBLOCK a FIFO would have it wait for the other end.
    let flags =
      O_CLOEXEC | O_NONBLOCK | (isReadOnly ? O_RDONLY : O_RDWR) | (options.isDirect ? direct : 0)
    let number = path.withPlatformString { Glibc.open($0, flags) }
    if number < 0 { throw Errno(rawValue: errno) }
    let file = FileDescriptor(rawValue: number)
    do throws(Errno) {
      var status = stat()
      if fstat(number, &status) != 0 { throw Errno(rawValue: errno) }
      let kind = status.st_mode & S_IFMT
      if kind == S_IFDIR { throw .isDirectory }
      if kind != S_IFREG && kind != S_IFBLK { throw .invalidArgument }
      // A block device's size is in no status.
      let size = lseek(number, 0, SEEK_END)
      if size < 0 { throw Errno(rawValue: errno) }
      // Which was for opening alone: old kernels take it for no wish to wait for the disk.
      if fcntl(number, F_SETFL, flags & ~O_NONBLOCK) != 0 { throw Errno(rawValue: errno) }
      let isSparse = kind == S_IFREG && Int64(status.st_blocks) * 512 < Int64(status.st_size)
      return (file, Int64(size), isSparse)
    } catch {
      try? file.close()
      throw error
    }
  }

  private static func flags(_ isReadOnly: Bool) -> TransmissionFlags {
    // Flushes are fsync(2) of the one file that all connections share, which is what multi-conn promises.
    let all: TransmissionFlags = [.sendFlush, .sendFUA, .canMultiConnect, .sendCache]
    return isReadOnly
      ? all.union(.readOnly) : all.union([.sendTrim, .sendWriteZeroes, .sendFastZero])
  }

  /// Whether a client that was told `description` may be served with this one, which may have taken another's place.
  func matches(_ description: ExportDescription) -> Bool {
    let mine = self.description
    return mine.size == description.size && mine.minimumBlock == description.minimumBlock
      && mine.maximumPayload == description.maximumPayload
      && mine.flags == description.flags.subtracting(.sendDoNotFragment)
  }

  /// Bytes that a regular file has left; nil for a block device, whose size is in no status.
  var currentSize: Int64? {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int64(status.st_size)
  }

  // MARK: Holes

  /// Whether looking for holes may find one: a file that has all of its blocks is not looked at.
  var isSparse: Bool { mayHaveHoles.load(ordering: .relaxed) }

  func madeHole() { mayHaveHoles.store(true, ordering: .relaxed) }
}

// Linux's, for x86-64 and arm64; the Glibc module leaves it out.
#if arch(arm64)
  private let direct: CInt = 0x10000
#else
  private let direct: CInt = 0x4000
#endif
