// Descriptors and files, as the kernel's seam has them (Kernel.swift).

import CLiburing
import Glibc

class KernelFiles: KernelWaits, @unchecked Sendable {
  // MARK: Transfers

  /// preadv2(2); offset -1 is the file's own position.
  func read(
    _ descriptor: CInt, _ vectors: UnsafePointer<iovec>, _ count: CInt, _ offset: Int64,
    _ flags: CInt
  ) -> Int {
    let isPlain = flags == 0 && offset < 0
    return resultOrErrno(
      isPlain
        ? readv(descriptor, vectors, count)
        : preadv2(descriptor, vectors, count, off_t(offset), flags))
  }

  /// pwritev2(2); offset -1 is the file's own position.
  func write(
    _ descriptor: CInt, _ vectors: UnsafePointer<iovec>, _ count: CInt, _ offset: Int64,
    _ flags: CInt
  ) -> Int {
    let isPlain = flags == 0 && offset < 0
    return resultOrErrno(
      isPlain
        ? writev(descriptor, vectors, count)
        : pwritev2(descriptor, vectors, count, off_t(offset), flags))
  }

  // MARK: Files

  func synchronize(_ descriptor: CInt) -> CInt {
    resultOrErrno(fsync(descriptor))
  }

  func synchronizeData(_ descriptor: CInt) -> CInt {
    resultOrErrno(fdatasync(descriptor))
  }

  func allocate(_ descriptor: CInt, _ mode: CInt, _ offset: Int64, _ length: Int) -> CInt {
    resultOrErrno(fallocate(descriptor, mode, off_t(offset), off_t(length)))
  }

  func status(
    _ directory: CInt, _ path: UnsafePointer<CChar>, _ flags: CInt, _ mask: UInt32,
    _ status: UnsafeMutablePointer<statx>
  ) -> CInt {
    resultOrErrno(statx(directory, path, flags, mask, status))
  }

  func open(
    _ directory: CInt, _ path: UnsafePointer<CChar>, _ flags: CInt, _ mode: mode_t
  ) -> CInt {
    resultOrErrno(openat(directory, path, flags, mode))
  }

  // MARK: Descriptors

  @discardableResult
  func close(_ descriptor: CInt) -> CInt {
    resultOrErrno(Glibc.close(descriptor))
  }

  /// Another descriptor of the same file, closed on exec.
  func duplicate(_ descriptor: CInt) -> CInt {
    resultOrErrno(fcntl(descriptor, F_DUPFD_CLOEXEC, 0))
  }

  /// FD_CLOEXEC or nothing; refused where the descriptor is not open.
  func descriptorFlags(_ descriptor: CInt) -> CInt {
    resultOrErrno(fcntl(descriptor, F_GETFD))
  }

  /// The flags of an open descriptor, O_DIRECT and O_NONBLOCK among them.
  func statusFlags(_ descriptor: CInt) -> CInt {
    resultOrErrno(fcntl(descriptor, F_GETFL))
  }

  /// Has a descriptor of our own not block, and closed on exec.
  func makeNonBlocking(_ descriptor: CInt) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }
}
