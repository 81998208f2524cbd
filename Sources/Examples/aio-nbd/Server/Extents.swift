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
    in file: FileDescriptor, _ range: Range<Int64>, block: Int64 = 1, maximum: Int
  ) throws(Errno) -> [FileExtent] {
    let extents = try find(range, maximum: maximum) { offset, whence throws(Errno) in
      let result = lseek(file.rawValue, off_t(offset), whence)
      if result < 0 { throw Errno(rawValue: errno) }
      return Int64(result)
    }
    return aligned(extents, to: block)
  }

  /// The same with boundaries that are multiples of `block`, but for the first and the last: what is a hole in part is data.
  /// A file that is written meanwhile may have had others.
  static func aligned(_ extents: [FileExtent], to block: Int64) -> [FileExtent] {
    guard block > 1, let first = extents.first, let last = extents.last else { return extents }
    let (start, end) = (first.range.lowerBound, last.range.upperBound)
    var result: [FileExtent] = []
    var next = start
    func add(to upper: Int64, isHole: Bool) {
      guard upper > next else { return }
      if let previous = result.last, previous.isHole == isHole {
        result[result.count - 1].range = previous.range.lowerBound..<upper
      } else {
        result.append(FileExtent(range: next..<upper, isHole: isHole))
      }
      next = upper
    }
    for extent in extents where extent.isHole {
      let lower = extent.range.lowerBound
      let upper = extent.range.upperBound
      let holeStart = lower == start ? lower : (lower + block - 1) / block * block
      let holeEnd = upper == end ? upper : upper / block * block
      guard holeEnd > holeStart else { continue }
      add(to: holeStart, isHole: false)
      add(to: holeEnd, isHole: true)
    }
    add(to: end, isHole: false)
    return result
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
