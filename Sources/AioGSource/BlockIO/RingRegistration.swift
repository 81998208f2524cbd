// Buffers and files that a ring keeps at hand. Home thread.

import CLiburing
import Glibc
import SystemPackage

extension RingBackend {
  func registerBuffers(_ buffers: [AIOBuffer]) throws(Errno) {
    let vectors = buffers.map { iovec(iov_base: $0.baseAddress, iov_len: $0.count) }
    let status = ring.kernel.ringRegisterBuffers(ring.pointer, vectors, vectors.count)
    if status < 0 { throw Errno(rawValue: -status) }
    for (index, buffer) in buffers.enumerated() {
      buffer.registeredIndex = Int32(index)
      buffer.registeredRing = ring.pointer
    }
    registeredBuffers = buffers
  }

  func unregisterBuffers() throws(Errno) {
    let status = ring.kernel.ringUnregisterBuffers(ring.pointer)
    if status < 0 { throw Errno(rawValue: -status) }
    forgetRegisteredBuffers()
  }

  /// They may be registered with another ring by now.
  func forgetRegisteredBuffers() {
    for buffer in registeredBuffers where buffer.registeredRing == ring.pointer {
      buffer.registeredRing = nil
    }
    registeredBuffers = []
  }

  func registerFiles(_ files: [FileDescriptor]) throws(Errno) {
    let numbers = files.map { $0.rawValue }
    let status = ring.kernel.ringRegisterFiles(ring.pointer, numbers, numbers.count)
    if status < 0 { throw Errno(rawValue: -status) }
    for (index, number) in numbers.enumerated() { fixedFiles[number] = Int32(index) }
  }

  func unregisterFiles() throws(Errno) {
    let status = ring.kernel.ringUnregisterFiles(ring.pointer)
    if status < 0 { throw Errno(rawValue: -status) }
    fixedFiles = [:]
  }
}
