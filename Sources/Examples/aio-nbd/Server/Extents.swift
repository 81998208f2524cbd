// Which parts of a file are data and which are holes, as lseek(2) tells. Blocks: for a worker thread.

import Glibc
import SystemPackage

/// A part of a file.
struct FileExtent: Hashable, Sendable {
  var range: Range<Int64>
  var isHole: Bool
}

enum Extents {
  /// The extents of a range, in order and without gaps, `maximum` at most: what is left then is not told of.
  ///
  /// Where the file system cannot tell, all of it is data. What lies beyond the end of the file is a hole.
  static func find(
    in file: FileDescriptor, _ range: Range<Int64>, maximum: Int
  ) throws(Errno) -> [FileExtent] {
    try find(range, maximum: maximum) { offset, whence throws(Errno) in
      let result = lseek(file.rawValue, off_t(offset), whence)
      if result < 0 { throw Errno(rawValue: errno) }
      return Int64(result)
    }
  }

  static func find(
    _ range: Range<Int64>, maximum: Int,
    seek: (Int64, CInt) throws(Errno) -> Int64
  ) throws(Errno) -> [FileExtent] {
    var extents: [FileExtent] = []
    var next = range.lowerBound
    while next < range.upperBound && extents.count < maximum {
      let data = try dataStart(next, range.upperBound, seek)
      let end: Int64
      if data > next {
        end = data
      } else {
        // A file that is written meanwhile may say that its hole begins here: progress all the same.
        end = max(try holeStart(next, range.upperBound, seek), next + 1)
      }
      extents.append(FileExtent(range: next..<end, isHole: data > next))
      next = end
    }
    return extents
  }

  private static func dataStart(
    _ offset: Int64, _ limit: Int64, _ seek: (Int64, CInt) throws(Errno) -> Int64
  ) throws(Errno) -> Int64 {
    do throws(Errno) {
      return min(max(try seek(offset, seekData), offset), limit)
    } catch .noSuchAddressOrDevice {
      // No data from here to the end of the file.
      return limit
    } catch .invalidArgument {
      return offset
    } catch {
      throw error
    }
  }

  private static func holeStart(
    _ offset: Int64, _ limit: Int64, _ seek: (Int64, CInt) throws(Errno) -> Int64
  ) throws(Errno) -> Int64 {
    do throws(Errno) {
      return min(try seek(offset, seekHole), limit)
    } catch .noSuchAddressOrDevice {
      return limit
    } catch .invalidArgument {
      return limit
    } catch {
      throw error
    }
  }
}

// GNU extensions that the Glibc module leaves out.
private let seekData: CInt = 3
private let seekHole: CInt = 4
