// The operations on files, awaited. From any thread; each ends on the executor it was called on, in the pass in which its
// completion comes where that is the context. See `perform` for what cancelling does.

import CLiburing
import SystemPackage

extension AIOEngine {
  /// Reads from a file at an offset; fewer bytes only at the end of the file, and the rest of the buffer is zeroed then.
  ///
  /// Any task. Cancelling it cancels the request, and the buffer is the request's until the call returns.
  ///
  /// - Parameters:
  ///   - offset: bytes from the start of the file, not negative.
  ///   - range: which bytes of the buffer; all unless given.
  /// - Throws: the `Errno` of pread(2), and `Errno.canceled`.
  ///
  /// Stands for `luring_co_submit`, `laio_co_submit` and `thread_pool_submit_co` with `QEMU_AIO_READ`.
  nonisolated(nonsending) public func read(
    from file: FileDescriptor, at offset: Int64, into buffer: AIOBuffer,
    range: Range<Int>? = nil
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.read(from: file, at: offset, into: buffer, range: range, completion: completion)
    }
  }

  /// Writes to a file at an offset: all of it, or it is an error.
  ///
  /// - Parameters:
  ///   - offset: bytes from the start of the file, not negative.
  ///   - range: which bytes of the buffer; all unless given.
  /// - Throws: the `Errno` of pwrite(2), `Errno.noSpace` where the file takes no more, and `Errno.canceled`.
  ///
  /// Stands for the same with `QEMU_AIO_WRITE`.
  @discardableResult
  nonisolated(nonsending) public func write(
    to file: FileDescriptor, at offset: Int64, from buffer: AIOBuffer,
    range: Range<Int>? = nil
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.write(to: file, at: offset, from: buffer, range: range, completion: completion)
    }
  }

  /// Reads what there is, waiting until there is something: from a pipe, a terminal, a socket, or from a file's own
  /// position. 0 is the end.
  nonisolated(nonsending) public func read(
    from file: FileDescriptor, into buffer: AIOBuffer, range: Range<Int>? = nil
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.read(from: file, into: buffer, range: range, completion: completion)
    }
  }

  /// Writes as much as goes, waiting until something does; the count may be short.
  nonisolated(nonsending) public func write(
    to file: FileDescriptor, from buffer: AIOBuffer, range: Range<Int>? = nil
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.write(to: file, from: buffer, range: range, completion: completion)
    }
  }

  /// Reads from a file at an offset into several buffers, one after the other.
  nonisolated(nonsending) public func read(
    from file: FileDescriptor, at offset: Int64, into buffers: [AIOBuffer]
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.read(from: file, at: offset, into: buffers, completion: completion)
    }
  }

  /// Writes several buffers, one after the other, to a file at an offset.
  @discardableResult
  nonisolated(nonsending) public func write(
    to file: FileDescriptor, at offset: Int64, from buffers: [AIOBuffer]
  ) async throws(Errno) -> Int {
    try await perform { engine, completion in
      engine.write(to: file, at: offset, from: buffers, completion: completion)
    }
  }

  /// Waits until what was written to a file is on the disk: its data and, unless told otherwise, all that belongs to it.
  ///
  /// - Parameter dataOnly: fdatasync(2) in place of fsync(2).
  ///
  /// Stands for `QEMU_AIO_FLUSH`.
  nonisolated(nonsending) public func synchronize(
    _ file: FileDescriptor, dataOnly: Bool = false
  ) async throws(Errno) {
    _ = try await perform { engine, completion in
      engine.synchronize(file, dataOnly: dataOnly, completion: completion)
    }
  }

  /// Changes how a range of a file, in bytes, is allocated. `Errno.notSupported` where the file system cannot.
  nonisolated(nonsending) public func allocate(
    _ mode: AllocationMode, _ range: Range<Int64>, in file: FileDescriptor
  ) async throws(Errno) {
    _ = try await perform { engine, completion in
      engine.allocate(mode, range, in: file, completion: completion)
    }
  }

  /// What statx(2) says of an open file.
  nonisolated(nonsending) public func status(
    of file: FileDescriptor
  ) async throws(Errno) -> FileStatus {
    let query = StatusQuery(path: nil, followsLinks: true)
    _ = try await perform { engine, completion in
      engine.status(file.rawValue, query, completion)
    }
    return FileStatus(query.memory.pointee)
  }

  /// What statx(2) says of the file at a path.
  nonisolated(nonsending) public func status(
    of path: FilePath, followsLinks: Bool = true
  ) async throws(Errno) -> FileStatus {
    let query = StatusQuery(path: path, followsLinks: followsLinks)
    _ = try await perform { engine, completion in
      engine.status(AT_FDCWD, query, completion)
    }
    return FileStatus(query.memory.pointee)
  }

  /// Opens a file, always with O_CLOEXEC. The descriptor is the caller's to close.
  ///
  /// - Parameters:
  ///   - directory: what a relative path is relative to; the working directory unless given.
  ///   - permissions: for a file that is created.
  nonisolated(nonsending) public func open(
    _ path: FilePath, in directory: FileDescriptor? = nil,
    _ mode: FileDescriptor.AccessMode, options: FileDescriptor.OpenOptions = [],
    permissions: FilePermissions = [.ownerReadWrite, .groupRead, .otherRead]
  ) async throws(Errno) -> FileDescriptor {
    let descriptor = try await perform { engine, completion in
      engine.open(Path(path), directory, mode, options, permissions, completion)
    }
    return FileDescriptor(rawValue: CInt(descriptor))
  }

  /// Closes a descriptor. No handler may be set for it any more. A task that was cancelled closes it all the same.
  nonisolated(nonsending) public func close(
    _ file: FileDescriptor
  ) async throws(Errno) {
    _ = try await perform(isCancellable: false) { engine, completion in
      engine.close(file, completion: completion)
    }
  }
}
