// Contract 20, 21: what each operation on a file does, on each engine.

import CLiburing
import Foundation
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct FileOperationTests {
    /// The kernel takes 1,024 at once, and would say of those that nothing was read.
    @Test(arguments: EngineCombination.all)
    func buffersBehindManyEmptyOnesAreReached(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(100))
      let empty = (0..<1_100).map { _ in AIOBuffer(count: 0, alignment: 1) }
      let buffer = AIOBuffer(count: 100)
      let read = try loop.await {
        loop.engine.read(from: file.descriptor, at: 0, into: empty + [buffer], completion: $0)
      }
      #expect(read == .success(100))
      #expect(Array(buffer.bytes) == file.contents)
      let written = try loop.await {
        loop.engine.write(to: file.descriptor, at: 100, from: empty + [buffer], completion: $0)
      }
      #expect(written == .success(100))
    }

    @Test(arguments: EngineCombination.all)
    func readsAndWritesAtOffsets(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let contents = randomBytes(20_000)
      let file = try TemporaryFile(contents)
      let buffer = AIOBuffer(count: 5_000)
      let read = try loop.await {
        loop.engine.read(
          from: file.descriptor, at: 1_234, into: buffer, range: 17..<4_017, completion: $0)
      }
      #expect(read == .success(4_000))
      #expect(Array(buffer.contents[17..<4_017]) == Array(contents[1_234..<5_234]))
      #expect(buffer.contents[..<17].allSatisfy { $0 == 0 })
      #expect(buffer.contents[4_017...].allSatisfy { $0 == 0 })

      let written = try loop.await {
        loop.engine.write(
          to: file.descriptor, at: 10_001, from: buffer, range: 17..<117, completion: $0)
      }
      #expect(written == .success(100))
      var expected = contents
      expected.replaceSubrange(10_001..<10_101, with: buffer.contents[17..<117])
      #expect(file.contents == expected)
    }

    @Test(arguments: EngineCombination.all)
    func readingBeyondTheEndZeroesTheRest(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let contents = randomBytes(100)
      let file = try TemporaryFile(contents)
      let buffer = AIOBuffer(randomBytes(512, seed: 2))
      let result = try loop.await {
        loop.engine.read(from: file.descriptor, at: 0, into: buffer, completion: $0)
      }
      #expect(result == .success(100))
      #expect(buffer.contents == contents + [UInt8](repeating: 0, count: 412))
      let beyond = AIOBuffer(randomBytes(64, seed: 3))
      let nothing = try loop.await {
        loop.engine.read(from: file.descriptor, at: 4_096, into: beyond, completion: $0)
      }
      #expect(nothing == .success(0))
      #expect(beyond.contents.allSatisfy { $0 == 0 })
    }

    @Test(arguments: EngineCombination.all)
    func readingBeyondTheEndWithDirectAccess(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let contents = randomBytes(5_000)
      let file = try TemporaryFile(contents, direct: true)
      let buffer = AIOBuffer(randomBytes(16_384, seed: 2))
      let result = try loop.await {
        loop.engine.read(from: file.descriptor, at: 0, into: buffer, completion: $0)
      }
      #expect(result == .success(5_000))
      #expect(buffer.contents == contents + [UInt8](repeating: 0, count: 11_384))
    }

    @Test(arguments: EngineCombination.all)
    func severalBuffersAsOne(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let contents = randomBytes(9_000)
      let file = try TemporaryFile(contents)
      let buffers = [1, 4_095, 0, 900, 2_004].map { AIOBuffer(count: $0) }
      let read = try loop.await {
        loop.engine.read(from: file.descriptor, at: 77, into: buffers, completion: $0)
      }
      #expect(read == .success(7_000))
      #expect(buffers.flatMap { $0.contents } == Array(contents[77..<7_077]))

      let written = try loop.await {
        loop.engine.write(to: file.descriptor, at: 8_500, from: buffers, completion: $0)
      }
      #expect(written == .success(7_000))
      #expect(file.contents == Array(contents[..<8_500]) + Array(contents[77..<7_077]))

      let tail = [100, 100].map { AIOBuffer(randomBytes($0, seed: 9)) }
      let short = try loop.await {
        loop.engine.read(from: file.descriptor, at: 15_450, into: tail, completion: $0)
      }
      #expect(short == .success(50))
      #expect(tail.flatMap { $0.contents }[50...].allSatisfy { $0 == 0 })
    }

    @Test(arguments: EngineCombination.all)
    func nothingIsReadAndWritten(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(10))
      let buffer = AIOBuffer(count: 0)
      let read = try loop.await {
        loop.engine.read(from: file.descriptor, at: 0, into: buffer, completion: $0)
      }
      #expect(read == .success(0))
      let written = try loop.await {
        loop.engine.write(to: file.descriptor, at: 0, from: buffer, completion: $0)
      }
      #expect(written == .success(0))
    }

    @Test(arguments: EngineCombination.all)
    func synchronizes(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      for direct in [false, true] {
        let file = try TemporaryFile(randomBytes(4_096), direct: direct)
        for dataOnly in [false, true] {
          let result = try loop.await {
            loop.engine.synchronize(file.descriptor, dataOnly: dataOnly, completion: $0)
          }
          #expect(result == .success(0))
        }
      }
    }

    @Test(arguments: EngineCombination.all)
    func allocatesZeroesAndDiscards(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let contents = randomBytes(65_536)
      let file = try TemporaryFile(contents)
      func apply(_ mode: AIOEngine.AllocationMode, _ range: Range<Int64>) throws {
        let result = try loop.await {
          loop.engine.allocate(mode, range, in: file.descriptor, completion: $0)
        }
        #expect(result == .success(0))
      }
      var expected = contents
      try apply(.discard, 4_096..<12_288)
      expected.replaceSubrange(4_096..<12_288, with: repeatElement(0, count: 8_192))
      #expect(file.contents == expected)
      try apply(.zero, 20_000..<20_100)
      expected.replaceSubrange(20_000..<20_100, with: repeatElement(0, count: 100))
      #expect(file.contents == expected)
      try apply(.allocateKeepingSize, 65_536..<131_072)
      #expect(file.contents.count == 65_536)
      try apply(.allocate, 65_536..<70_000)
      #expect(file.contents == expected + [UInt8](repeating: 0, count: 70_000 - 65_536))
    }

    @Test(arguments: EngineCombination.all)
    func tellsTheStatusOfADescriptorAndOfAPath(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(12_345))
      let ofDescriptor = try loop.await {
        loop.engine.status(of: file.descriptor, completion: $0)
      }.get()
      let ofPath = try loop.await {
        loop.engine.status(of: FilePath(file.path), completion: $0)
      }.get()
      #expect(ofDescriptor == ofPath)
      var status = stat()
      #expect(fstat(file.descriptor.rawValue, &status) == 0)
      #expect(ofPath.size == 12_345)
      #expect(ofPath.inode == UInt64(status.st_ino))
      #expect(ofPath.allocatedSize == Int64(status.st_blocks) * 512)
      #expect(ofPath.isRegularFile)
      #expect(ofPath.mode & 0o777 == 0o600)
    }

    @Test(arguments: EngineCombination.all)
    func opensAndCloses(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let path = FileManager.default.temporaryDirectory.path + "/aio-open-\(UUID().uuidString)"
      defer { unlink(path) }
      // What the loop itself needs, it has from now on: it has slept, with a timer set.
      _ = try loop.await { loop.engine.status(of: FilePath("/"), completion: $0) }
      _ = try loop.await { loop.engine.timeout(after: .milliseconds(2), completion: $0) }
      let before = openDescriptors()
      let descriptor = try loop.await {
        loop.engine.open(
          FilePath(path), .readWrite, options: [.create, .exclusiveCreate],
          permissions: [.ownerReadWrite], completion: $0)
      }.get()
      #expect(openDescriptors() == before + 1)
      #expect(fcntl(descriptor.rawValue, F_GETFD) & FD_CLOEXEC != 0)
      var status = stat()
      #expect(fstat(descriptor.rawValue, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600)
      let again = try loop.await {
        loop.engine.open(
          FilePath(path), .readWrite, options: [.create, .exclusiveCreate], completion: $0)
      }
      #expect(again == .failure(.fileExists))
      let closed = try loop.await { loop.engine.close(descriptor, completion: $0) }
      #expect(closed == .success(0))
      #expect(openDescriptors() == before)
    }

    @Test(arguments: EngineCombination.all)
    func aStreamIsReadWhenThereIsSomething(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      for blocks in [false, true] {
        let pair = Pair.pipe()
        if blocks {
          for end in [pair.reader, pair.writer] { _ = fcntl(end.rawValue, F_SETFL, 0) }
        }
        let buffer = AIOBuffer(count: 100)
        let outcome = Box<Result<Int, Errno>?>(nil)
        loop.engine.read(from: pair.reader, into: buffer) { outcome.value = $0 }
        loop.loop.settle()
        #expect(outcome.value == nil)
        let thread = TestThread {
          sleep(milliseconds: 5)
          pair.write("hello")
        }
        #expect(loop.loop.run { outcome.value != nil })
        thread.join()
        #expect(outcome.value == .success(5))
        #expect(String(decoding: buffer.contents[..<5], as: UTF8.self) == "hello")
        let written = try loop.await {
          loop.engine.write(to: pair.writer, from: buffer, range: 0..<5, completion: $0)
        }
        #expect(written == .success(5))
        #expect(pair.drain() == 5)
        pair.closeWriter()
        let end = try loop.await {
          loop.engine.read(from: pair.reader, into: buffer, completion: $0)
        }
        #expect(end == .success(0))
      }
    }
  }
}
