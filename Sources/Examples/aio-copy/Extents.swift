// What of a file is data, in blocks, in the order of the file. Looked for as it is asked for, so that a file of many
// extents costs no memory; a file system that cannot tell holes from data says that all is data.

import Glibc
import SystemPackage

struct Extents {
  // lseek(2), the same on every Linux.
  private static let data = FileDescriptor.SeekOrigin(rawValue: 3)
  private static let hole = FileDescriptor.SeekOrigin(rawValue: 4)

  private let file: FileDescriptor
  private let size: Int64
  private let blockSize: Int64
  /// What is left of the extent that was found last. It starts and, but for the end of the file, ends aligned.
  private var extent: Range<Int64> = 0..<0

  init(of file: FileDescriptor, size: Int64, blockSize: Int) {
    self.file = file
    self.size = size
    self.blockSize = Int64(blockSize)
  }

  /// The next block of data, at most `blockSize` bytes; nil if only a hole is left, or nothing.
  mutating func next() throws(Errno) -> Range<Int64>? {
    if extent.isEmpty { extent = try find(from: extent.upperBound) }
    if extent.isEmpty { return nil }
    let block = extent.lowerBound..<min(extent.lowerBound + blockSize, extent.upperBound)
    extent = block.upperBound..<extent.upperBound
    return block
  }

  private func find(from position: Int64) throws(Errno) -> Range<Int64> {
    if position >= size { return size..<size }
    do {
      let start = try file.seek(offset: position, from: Self.data)
      if start >= size { return size..<size }
      let end = try file.seek(offset: start, from: Self.hole)
      return max(position, Alignment.down(start))..<min(size, Alignment.up(end))
    } catch Errno.noSuchAddressOrDevice {
      return size..<size
    } catch Errno.invalidArgument {
      return position..<size
    } catch {
      throw error as? Errno ?? .ioError
    }
  }
}
