// The values of the options, and the error that ends a copy.

import AioGSource
import ArgumentParser
import SystemPackage

enum EngineChoice: String, ExpressibleByArgument, CaseIterable {
  case auto
  case ioURing = "io_uring"
  case native
  case threads
}

enum CachePolicy: String, ExpressibleByArgument, CaseIterable {
  case writeback
  case none
}

/// A count of bytes as it is typed: 65536, 64k, 1M.
struct BlockSize: ExpressibleByArgument, CustomStringConvertible {
  static let largest = 1 << 30
  private static let units: [(suffix: Character, shift: Int)] = [("G", 30), ("M", 20), ("k", 10)]

  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    let unit = Self.units.first { argument.hasSuffix(String($0.suffix)) }
    guard let number = Int(unit == nil ? argument[...] : argument.dropLast()) else { return nil }
    let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: 1 << (unit?.shift ?? 0))
    if isTooLarge { return nil }
    self.bytes = bytes
  }

  var description: String {
    let unit = Self.units.first { bytes > 0 && bytes % (1 << $0.shift) == 0 }
    return unit.map { "\(bytes >> $0.shift)\($0.suffix)" } ?? "\(bytes)"
  }

  var defaultValueDescription: String { description }
}

/// What offsets and lengths of transfers are multiples of, so that O_DIRECT takes them on any disk.
enum Alignment {
  static let bytes = 4096

  static func down(_ offset: Int64) -> Int64 { offset & ~Int64(bytes - 1) }
  static func up(_ offset: Int64) -> Int64 { down(offset + Int64(bytes - 1)) }
}

/// One clear line for stderr, and the status to exit with.
struct CopyError: Error, CustomStringConvertible {
  let description: String
  var status: Int32 = 1

  static func cannotRead(_ path: FilePath, _ error: Errno) -> CopyError {
    CopyError(description: "cannot read \(path): \(error)")
  }

  static func cannotWrite(_ path: FilePath, _ error: Errno) -> CopyError {
    CopyError(description: "cannot write \(path): \(error)")
  }

  static func noDirectIO(_ path: FilePath) -> CopyError {
    CopyError(
      description: "cannot open \(path) for --cache none: its file system has no O_DIRECT")
  }
}
