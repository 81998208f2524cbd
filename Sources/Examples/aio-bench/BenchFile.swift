// The file that is measured: opened as the options say, made where it has to be, and never overwritten unless it is the
// program's own or the user insists.

import AioGSource
import CLiburing
import Foundation
import SystemPackage

struct BenchFile {
  /// Marks files that this program made.
  private static let mark = "user.aio-bench"

  let descriptor: FileDescriptor
  /// Bytes, in whole blocks.
  let size: Int

  static func open(_ options: AioBench) throws -> BenchFile {
    let path = options.file
    if options.write {
      if access(path, F_OK) != 0 {
        try make(path, size: options.size.value)
      } else if !options.force && getxattr(path, mark, nil, 0) < 0 {
        throw BenchError(
          description: "\(path) exists and was not made by aio-bench; --force overwrites it")
      }
    }
    var flags = (options.write ? O_RDWR : O_RDONLY) | O_CLOEXEC
    if options.cache == .none { flags |= FileDescriptor.OpenOptions.direct.rawValue }
    let number = Foundation.open(path, flags)
    if number < 0 {
      let error = Errno(rawValue: errno)
      let hint = error == .invalidArgument ? " (is O_DIRECT possible there?)" : ""
      throw BenchError(description: "cannot open \(path): \(error)\(hint)")
    }
    var status = stat()
    if fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      Foundation.close(number)
      throw BenchError(description: "\(path) is a directory")
    }
    let length = lseek(number, 0, SEEK_END)
    let block = options.blockSize.value
    let blocks = length < 0 ? 0 : Int(length) / block
    if blocks < options.contexts {
      Foundation.close(number)
      throw BenchError(
        description: "\(path) has \(max(length, 0)) bytes: not a block of \(block) for each context"
      )
    }
    return BenchFile(descriptor: FileDescriptor(rawValue: number), size: blocks * block)
  }

  private static func make(_ path: String, size: Int) throws {
    let number = Foundation.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    if number < 0 {
      throw BenchError(description: "cannot make \(path): \(Errno(rawValue: errno))")
    }
    defer { Foundation.close(number) }
    _ = fsetxattr(number, mark, "1", 1, 0)
    let file = FileDescriptor(rawValue: number)
    var left = size
    let block = randomBytes(1 << 20)
    do {
      while left > 0 { left -= try file.writeAll(block.prefix(left)) }
    } catch {
      unlink(path)
      throw BenchError(description: "cannot fill \(path): \(error)")
    }
  }

  static func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<(count + 7) / 8).flatMap { _ in
      withUnsafeBytes(of: generator.next()) { Array($0) }
    }.prefix(count).map { $0 }
  }

  func close() {
    try? descriptor.close()
  }
}
