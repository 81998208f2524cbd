// Buffers and files that a ring keeps at hand change what a request costs, and nothing else.

import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct RegistrationTests {
    @Test(arguments: EngineCombination.all)
    func registeredBuffersAndFilesServeLikeOthers(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let contents = randomBytes(16_384)
      let file = try TemporaryFile(contents)
      let other = try TemporaryFile(contents)
      let buffers = (0..<4).map { _ in AIOBuffer(count: 4_096) }
      let isRing = combination.engine == .ioURing
      #expect(try loop.engine.registerBuffers(buffers) == isRing)
      #expect(try loop.engine.registerFiles([file.descriptor]) == isRing)
      if isRing {
        #expect(throws: Errno.resourceBusy) { try loop.engine.registerBuffers(buffers) }
      }
      for descriptor in [file.descriptor, other.descriptor] {
        for (index, buffer) in buffers.enumerated() {
          let result = try loop.await {
            loop.engine.read(
              from: descriptor, at: Int64(index * 4_096 + 8), into: buffer, range: 8..<4_096,
              completion: $0)
          }
          #expect(result == .success(4_088))
          #expect(
            buffer.contents[8...] == contents[(index * 4_096 + 8)..<(index + 1) * 4_096])
        }
        let written = try loop.await {
          loop.engine.write(to: descriptor, at: 0, from: buffers[3], range: 8..<108, completion: $0)
        }
        #expect(written == .success(100))
        let synchronized = try loop.await { loop.engine.synchronize(descriptor, completion: $0) }
        #expect(synchronized == .success(0))
      }
      #expect(file.contents == other.contents)
      #expect(Array(file.contents[..<100]) == Array(buffers[3].contents[8..<108]))
      try loop.engine.unregisterBuffers()
      try loop.engine.unregisterFiles()
      let result = try loop.await {
        loop.engine.read(from: file.descriptor, at: 0, into: buffers[0], completion: $0)
      }
      #expect(result == .success(4_096))
    }

    @Test(arguments: EngineCombination.all)
    func aRegisteredBufferIsUsedAsOneByTheRing(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let buffer = AIOBuffer(count: 512)
      let file = try TemporaryFile(randomBytes(512))
      try loop.engine.registerBuffers([buffer])
      loop.engine.beginBatch()
      let request = loop.engine.read(from: file.descriptor, at: 0, into: buffer) { _ in }
      #expect(request.node.pointee.bufferIndex == (combination.engine == .ioURing ? 0 : -1))
      loop.engine.endBatch()
      request.cancelAndWait()
    }

    @Test(arguments: EngineCombination.all)
    func whatTakesNoRegisteredFileGetsAPlainOne(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(100))
      let directory = try FileDescriptor.open("/proc/self", .readOnly)
      defer { try? directory.close() }
      try loop.engine.registerFiles([file.descriptor, directory])
      let status = try loop.await { loop.engine.status(of: file.descriptor, completion: $0) }
      #expect(try status.get().size == 100)
      let opened = try loop.await {
        loop.engine.open("status", in: directory, .readOnly, completion: $0)
      }
      try opened.get().close()
    }

    /// Two rings may have the same address, one after the other.
    @Test(arguments: EngineCombination.all)
    func aBufferIsRegisteredNoLongerThanItsRingIsThere(_ combination: EngineCombination) throws {
      let buffers = (0..<2).map { _ in AIOBuffer(count: 512) }
      do {
        let loop = try EngineLoop(combination)
        try loop.engine.registerBuffers(buffers)
      }
      #expect(buffers.allSatisfy { $0.registeredRing == nil })
      let file = try TemporaryFile(randomBytes(512))
      let loop = try EngineLoop(combination)
      let result = try loop.await {
        loop.engine.read(from: file.descriptor, at: 0, into: buffers[1], completion: $0)
      }
      #expect(result == .success(512))
    }

    @Test(arguments: EngineCombination.all)
    func anotherRingsRegistrationStays(_ combination: EngineCombination) throws {
      guard combination.engine == .ioURing else { return }
      let buffer = AIOBuffer(count: 512)
      let first = try EngineLoop(combination)
      let second = try EngineLoop(combination)
      try first.engine.registerBuffers([buffer])
      try second.engine.registerBuffers([buffer])
      try first.engine.unregisterBuffers()
      #expect(buffer.registeredRing != nil)
      try second.engine.unregisterBuffers()
      #expect(buffer.registeredRing == nil)
    }

    @Test(arguments: EngineCombination.all)
    func buffersAreAligned(_ combination: EngineCombination) throws {
      for alignment in [1, 512, 4_096, 65_536] {
        let buffer = AIOBuffer(count: 100, alignment: alignment)
        #expect(UInt(bitPattern: buffer.baseAddress) % UInt(alignment) == 0)
        #expect(buffer.contents.allSatisfy { $0 == 0 })
      }
    }
  }
}
