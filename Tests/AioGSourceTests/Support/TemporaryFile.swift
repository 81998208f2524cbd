// Files for tests, gone when the test is.

import AioGSource
import CLiburing
import Foundation
import SystemPackage

final class TemporaryFile: @unchecked Sendable {
  let path: String
  let descriptor: FileDescriptor

  /// A file with these bytes, open for reading and writing; with O_DIRECT too if asked for.
  init(_ contents: [UInt8] = [], direct: Bool = false) throws {
    let (path, descriptor) = try Self.make()
    self.path = path
    if !contents.isEmpty { try FileDescriptor(rawValue: descriptor).writeAll(contents) }
    if direct {
      Foundation.close(descriptor)
      self.descriptor = try FileDescriptor.open(
        path, .readWrite, options: [.direct, .closeOnExec])
    } else {
      self.descriptor = FileDescriptor(rawValue: descriptor)
    }
  }

  deinit {
    try? descriptor.close()
    unlink(path)
  }

  private static func make() throws -> (String, CInt) {
    var template = Array(
      (FileManager.default.temporaryDirectory.path + "/aio-test-XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    if descriptor < 0 { throw Errno(rawValue: errno) }
    return (template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }, descriptor)
  }

  var contents: [UInt8] { (try? bytes(ofFile: path)) ?? [] }
}

/// What is in a file. Not by Foundation, which leaks 4 KiB where that is nothing.
func bytes(ofFile path: String) throws -> [UInt8] {
  let file = try FileDescriptor.open(path, .readOnly)
  defer { try? file.close() }
  var contents: [UInt8] = []
  var part = [UInt8](repeating: 0, count: 1 << 20)
  while true {
    let count = try part.withUnsafeMutableBytes { try file.read(into: $0) }
    if count == 0 { return contents }
    contents += part[..<count]
  }
}

/// Bytes without a pattern, the same for the same seed.
func randomBytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    for index in 0..<count {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      buffer[index] = UInt8(truncatingIfNeeded: state >> 32)
    }
    initialized = count
  }
}

extension AIOBuffer {
  var contents: [UInt8] { Array(bytes) }
}
