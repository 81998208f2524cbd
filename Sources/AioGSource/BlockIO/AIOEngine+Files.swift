// The operations on files. Home thread, all of them.

import CLiburing
import Glibc
import SystemPackage

extension AIOEngine {
  // MARK: Transfers

  /// Reads from a file at an offset.
  ///
  /// The completion's count is short only at the end of the file; the rest of the buffer is zeroed then.
  ///
  /// - Parameters:
  ///   - file: where to read from.
  ///   - offset: bytes from the start of the file, not negative.
  ///   - buffer: where the bytes go.
  ///   - range: which bytes of the buffer; all unless given.
  ///   - completion: is given how many bytes were transferred.
  ///
  /// Stands for `luring_co_submit`, `laio_co_submit` and `thread_pool_submit_aio` with `QEMU_AIO_READ`.
  @discardableResult
  public func read(
    from file: FileDescriptor, at offset: Int64, into buffer: AIOBuffer,
    range: Range<Int>? = nil, completion: @escaping Completion
  ) -> AIORequest {
    transfer(.read, .positionedRead, file, offset, buffer, range, completion)
  }

  /// Writes to a file at an offset: all of it, or it is an error. `Errno.noSpace` where the file takes no more.
  ///
  /// - Parameters:
  ///   - file: where to write to.
  ///   - offset: bytes from the start of the file, not negative.
  ///   - buffer: where the bytes are.
  ///   - range: which bytes of the buffer; all unless given.
  ///   - completion: is given how many bytes were transferred.
  ///
  /// Stands for the same with `QEMU_AIO_WRITE`.
  @discardableResult
  public func write(
    to file: FileDescriptor, at offset: Int64, from buffer: AIOBuffer,
    range: Range<Int>? = nil, completion: @escaping Completion
  ) -> AIORequest {
    transfer(.write, .positionedWrite, file, offset, buffer, range, completion)
  }

  /// Reads what there is, waiting until there is something: from a pipe, a terminal, a socket, or from a file's own
  /// position. A count of 0 is the end.
  @discardableResult
  public func read(
    from file: FileDescriptor, into buffer: AIOBuffer, range: Range<Int>? = nil,
    completion: @escaping Completion
  ) -> AIORequest {
    transfer(.read, .stream, file, -1, buffer, range, completion)
  }

  /// Writes as much as goes, waiting until something does; the count may be short.
  @discardableResult
  public func write(
    to file: FileDescriptor, from buffer: AIOBuffer, range: Range<Int>? = nil,
    completion: @escaping Completion
  ) -> AIORequest {
    transfer(.write, .stream, file, -1, buffer, range, completion)
  }

  /// Reads from a file at an offset into several buffers, one after the other, as ``read(from:at:into:range:completion:)``
  /// does into one.
  @discardableResult
  public func read(
    from file: FileDescriptor, at offset: Int64, into buffers: [AIOBuffer],
    completion: @escaping Completion
  ) -> AIORequest {
    transfer(.readVector, .positionedRead, file, offset, buffers, completion)
  }

  /// Writes several buffers, one after the other, to a file at an offset.
  @discardableResult
  public func write(
    to file: FileDescriptor, at offset: Int64, from buffers: [AIOBuffer],
    completion: @escaping Completion
  ) -> AIORequest {
    transfer(.writeVector, .positionedWrite, file, offset, buffers, completion)
  }

  @inline(__always)
  private func transfer(
    _ operation: Operation, _ kind: Transfer.Kind, _ file: FileDescriptor, _ offset: Int64,
    _ buffer: AIOBuffer, _ range: Range<Int>?, _ completion: @escaping Completion
  ) -> AIORequest {
    precondition(
      offset >= 0 || kind == .stream, "a transfer at the negative offset \(offset) was asked for")
    let range = range ?? 0..<buffer.count
    precondition(
      range.lowerBound >= 0 && range.upperBound <= buffer.count,
      "bytes \(range) of a buffer of \(buffer.count) were asked for")
    let request = make(operation, file.rawValue, Transfer(kind, length: range.count))
    request.pointee.offset = offset
    request.pointee.address = buffer.baseAddress + range.lowerBound
    if let ring = buffer.registeredRing, ring == (backend as? RingBackend)?.ring.pointer {
      request.pointee.bufferIndex = buffer.registeredIndex
    }
    request.hold(buffer, completion)
    return start(request)
  }

  private func transfer(
    _ operation: Operation, _ kind: Transfer.Kind, _ file: FileDescriptor, _ offset: Int64,
    _ buffers: [AIOBuffer], _ completion: @escaping Completion
  ) -> AIORequest {
    precondition(offset >= 0, "a transfer at the negative offset \(offset) was asked for")
    let vectors = Vectors(buffers)
    let request = make(operation, file.rawValue, Transfer(kind, length: vectors.length))
    request.pointee.offset = offset
    request.hold(vectors, completion)
    return start(request)
  }

  // MARK: What becomes of a file

  /// Waits until what was written to a file is on the disk: its data and, unless told otherwise, all that belongs to it.
  ///
  /// - Parameters:
  ///   - file: an open file.
  ///   - dataOnly: fdatasync(2) in place of fsync(2).
  ///   - completion: is told how it ended.
  ///
  /// Stands for `QEMU_AIO_FLUSH`.
  @discardableResult
  public func synchronize(
    _ file: FileDescriptor, dataOnly: Bool = false, completion: @escaping Completion
  ) -> AIORequest {
    let request = make(dataOnly ? .synchronizeData : .synchronize, file.rawValue)
    request.pointee.completion = .init(call: completion)
    return start(request)
  }

  /// What ``allocate(_:_:in:completion:)`` does with a range of a file: the modes of fallocate(2).
  public struct AllocationMode: Hashable, Sendable {
    let flags: UInt32
    /// Makes space for it, and the file longer where it reaches beyond the end.
    public static let allocate = AllocationMode(flags: 0)
    /// Makes space for it, the file's length stays.
    public static let allocateKeepingSize = AllocationMode(flags: UInt32(FALLOC_FL_KEEP_SIZE))
    /// Makes a hole of it, which reads as zeroes and takes no space. Stands for `QEMU_AIO_DISCARD`.
    public static let discard = AllocationMode(
      flags: UInt32(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
    /// Has it read as zeroes, and keeps the space. Stands for `QEMU_AIO_WRITE_ZEROES`.
    public static let zero = AllocationMode(
      flags: UInt32(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE))
  }

  /// Changes how a range of a file, in bytes, is allocated. `Errno.notSupported` where the file system cannot.
  @discardableResult
  public func allocate(
    _ mode: AllocationMode, _ range: Range<Int64>, in file: FileDescriptor,
    completion: @escaping Completion
  ) -> AIORequest {
    precondition(range.lowerBound >= 0, "an allocation at the negative offset \(range.lowerBound)")
    let request = make(.allocate, file.rawValue, Transfer(.plain, length: range.count))
    request.pointee.offset = range.lowerBound
    request.pointee.flags = mode.flags
    request.pointee.completion = .init(call: completion)
    return start(request)
  }

  /// What statx(2) says of an open file.
  @discardableResult
  public func status(
    of file: FileDescriptor,
    completion: @escaping @Sendable (Result<FileStatus, Errno>) -> Void
  ) -> AIORequest {
    let query = StatusQuery(path: nil, followsLinks: true)
    return status(file.rawValue, query) { result in
      completion(result.map { _ in FileStatus(query.memory.pointee) })
    }
  }

  /// What statx(2) says of the file at a path.
  @discardableResult
  public func status(
    of path: FilePath, followsLinks: Bool = true,
    completion: @escaping @Sendable (Result<FileStatus, Errno>) -> Void
  ) -> AIORequest {
    let query = StatusQuery(path: path, followsLinks: followsLinks)
    return status(AT_FDCWD, query) { result in
      completion(result.map { _ in FileStatus(query.memory.pointee) })
    }
  }

  func status(
    _ descriptor: CInt, _ query: StatusQuery, _ completion: @escaping Completion
  ) -> AIORequest {
    let request = make(.status, descriptor)
    request.hold(query, completion)
    return start(request)
  }

  /// Opens a file, always with O_CLOEXEC. The descriptor is the caller's to close.
  ///
  /// - Parameters:
  ///   - path: where it is.
  ///   - directory: what a relative path is relative to; the working directory unless given.
  ///   - mode: for reading, for writing, or for both.
  ///   - options: `O_…` of open(2).
  ///   - permissions: for a file that is created.
  ///   - completion: is given the descriptor.
  @discardableResult
  public func open(
    _ path: FilePath, in directory: FileDescriptor? = nil,
    _ mode: FileDescriptor.AccessMode, options: FileDescriptor.OpenOptions = [],
    permissions: FilePermissions = [.ownerReadWrite, .groupRead, .otherRead],
    completion: @escaping @Sendable (Result<FileDescriptor, Errno>) -> Void
  ) -> AIORequest {
    open(Path(path), directory, mode, options, permissions) { result in
      completion(result.map { FileDescriptor(rawValue: CInt($0)) })
    }
  }

  func open(
    _ path: Path, _ directory: FileDescriptor?, _ mode: FileDescriptor.AccessMode,
    _ options: FileDescriptor.OpenOptions, _ permissions: FilePermissions,
    _ completion: @escaping Completion
  ) -> AIORequest {
    let request = make(.open, directory?.rawValue ?? AT_FDCWD)
    request.pointee.address = UnsafeMutableRawPointer(path.pointer)
    request.pointee.flags = UInt32(bitPattern: mode.rawValue | options.rawValue | O_CLOEXEC)
    request.pointee.offset = Int64(permissions.rawValue)
    request.hold(path, completion)
    return start(request)
  }

  /// Closes a descriptor. No handler may be set for it any more.
  @discardableResult
  public func close(_ file: FileDescriptor, completion: @escaping Completion) -> AIORequest {
    let request = make(.close, file.rawValue, Transfer(.once))
    request.pointee.completion = .init(call: completion)
    return start(request)
  }
}

/// What is known of a file: the parts of statx(2) that every file system has.
public struct FileStatus: Hashable, Sendable {
  /// Bytes.
  public var size: Int64
  /// Bytes allocated on the disk: fewer than `size` for a file with holes.
  public var allocatedSize: Int64
  /// Type and permissions, `S_IFMT` and the rest.
  public var mode: UInt16
  /// The file system's preferred size of a transfer, in bytes.
  public var blockSize: Int
  /// The file's number, of which its device has one.
  public var inode: UInt64
  /// The number of the device that the file is on: the major number in the upper 32 bits, the minor in the lower.
  public var device: UInt64
  /// Links to it.
  public var linkCount: Int
  /// Since 1970, in nanoseconds.
  public var modificationTime: Int64

  init(_ status: statx) {
    size = Int64(status.stx_size)
    allocatedSize = Int64(status.stx_blocks) * 512
    mode = status.stx_mode
    blockSize = Int(status.stx_blksize)
    inode = status.stx_ino
    device = UInt64(status.stx_dev_major) << 32 | UInt64(status.stx_dev_minor)
    linkCount = Int(status.stx_nlink)
    modificationTime = status.stx_mtime.tv_sec * 1_000_000_000 + Int64(status.stx_mtime.tv_nsec)
  }

  /// Whether it is a regular file.
  public var isRegularFile: Bool { UInt32(mode) & S_IFMT == S_IFREG }
}
