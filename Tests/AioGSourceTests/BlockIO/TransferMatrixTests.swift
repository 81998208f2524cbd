// Whole files through each engine, under each driver, at several depths, through the page cache and around it: what was
// written is what is read. And requests cancelled at random on the way, each ending exactly once.
//
// AIO_TEST_TRANSFER_MIB says how much; `scripts/test` sets it to 256.

import CGLib
import CTestSupport
import Foundation
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct TransferMatrixTests {
    private static let bytes =
      (ProcessInfo.processInfo.environment["AIO_TEST_TRANSFER_MIB"].flatMap { Int($0) } ?? 16) << 20
    private static let blockSize = 64 << 10
    /// One megabyte of noise; each block of the file is a piece of it, elsewhere for each block.
    private static let noise = randomBytes((1 << 20) + blockSize, seed: 7)

    struct Case: Sendable, CustomTestStringConvertible {
      let combination: EngineCombination
      let depth: Int
      let direct: Bool
      var testDescription: String {
        "\(combination.testDescription), depth \(depth)\(direct ? ", O_DIRECT" : "")"
      }
    }

    static let cases: [Case] = EngineCombination.oncePerDriver.flatMap { combination in
      [1, 32, 512].flatMap { depth in
        [false, true].map { Case(combination: combination, depth: depth, direct: $0) }
      }
    }

    /// What block `index` of the file holds.
    private static func fill(_ buffer: AIOBuffer, block index: Int) {
      let start = index &* 7919 & ((1 << 20) - 1)
      noise.withUnsafeBytes {
        buffer.baseAddress.copyMemory(from: $0.baseAddress! + start, byteCount: blockSize)
      }
    }

    private static let digest: String = {
      let checksum = g_checksum_new(G_CHECKSUM_SHA1)!
      defer { g_checksum_free(checksum) }
      let buffer = AIOBuffer(count: blockSize)
      for index in 0..<bytes / blockSize {
        fill(buffer, block: index)
        g_checksum_update(
          checksum, buffer.baseAddress.assumingMemoryBound(to: UInt8.self), blockSize)
      }
      return String(cString: g_checksum_get_string(checksum))
    }()

    /// Visits the blocks of a file, so many at a time, until all are done.
    private final class Sweep: @unchecked Sendable {
      let loop: EngineLoop
      let file: FileDescriptor
      let isWriting: Bool
      var next = 0
      var done = 0
      var failures: [String] = []
      /// Blocks that were read, to be digested in order.
      var read: [Int: AIOBuffer] = [:]
      var digested = 0
      let checksum = g_checksum_new(G_CHECKSUM_SHA1)!
      var free: [AIOBuffer]

      init(_ loop: EngineLoop, _ file: FileDescriptor, writing: Bool, depth: Int) {
        self.loop = loop
        self.file = file
        isWriting = writing
        free = (0..<min(depth, TransferMatrixTests.bytes / TransferMatrixTests.blockSize)).map {
          _ in
          AIOBuffer(count: TransferMatrixTests.blockSize)
        }
      }

      deinit { g_checksum_free(checksum) }

      func start() {
        while next < TransferMatrixTests.bytes / TransferMatrixTests.blockSize,
          let buffer = free.popLast()
        {
          let index = next
          next += 1
          let offset = Int64(index * TransferMatrixTests.blockSize)
          let completion: AIOEngine.Completion = { [self] in ended(index, buffer, $0) }
          if isWriting {
            TransferMatrixTests.fill(buffer, block: index)
            loop.engine.write(to: file, at: offset, from: buffer, completion: completion)
          } else {
            loop.engine.read(from: file, at: offset, into: buffer, completion: completion)
          }
        }
      }

      private func ended(_ index: Int, _ buffer: AIOBuffer, _ result: Result<Int, Errno>) {
        done += 1
        if result != .success(TransferMatrixTests.blockSize) {
          failures.append("\(index): \(result)")
        }
        if isWriting {
          free.append(buffer)
        } else {
          read[index] = buffer
          while let buffer = read.removeValue(forKey: digested) {
            g_checksum_update(
              checksum, buffer.baseAddress.assumingMemoryBound(to: UInt8.self), buffer.count)
            digested += 1
            free.append(buffer)
          }
        }
        start()
      }
    }

    @Test(arguments: cases)
    func whatIsWrittenIsRead(_ test: Case) throws {
      let loop = try EngineLoop(test.combination)
      let file = try TemporaryFile(direct: test.direct)
      let blocks = Self.bytes / Self.blockSize
      for isWriting in [true, false] {
        let sweep = Sweep(loop, file.descriptor, writing: isWriting, depth: test.depth)
        sweep.start()
        #expect(loop.loop.run(limit: .seconds(120)) { sweep.done == blocks })
        #expect(sweep.failures.isEmpty)
        if !isWriting {
          #expect(String(cString: g_checksum_get_string(sweep.checksum)) == Self.digest)
        }
      }
    }

    /// What the random cancellations have come to.
    private final class Ledger: @unchecked Sendable {
      var completions: [Int: Int] = [:]
      var cancelled = 0
      var succeeded = 0
      var failures: [String] = []
      var wrong = 0
    }

    @Test(arguments: EngineCombination.oncePerDriver, [false, true])
    func eachRequestEndsOnceHoweverManyAreCancelled(
      _ combination: EngineCombination, _ direct: Bool
    ) throws {
      let loop = try EngineLoop(combination)
      let size = 4 << 20
      let contents = randomBytes(size)
      let file = try TemporaryFile(contents, direct: direct)
      var generator = SystemRandomNumberGenerator()
      let ledger = Ledger()
      var outstanding: [AIORequest] = []
      let block = 4_096
      let total = 10_000
      for index in 0..<total {
        let position = Int.random(in: 0..<size / block, using: &generator) * block
        let buffer = AIOBuffer(count: block)
        let completion: AIOEngine.Completion = { result in
          ledger.completions[index, default: 0] += 1
          switch result {
          case .success(block):
            ledger.succeeded += 1
            if index % 3 != 0 {
              let same = contents.withUnsafeBytes {
                memcmp($0.baseAddress! + position, buffer.baseAddress, block) == 0
              }
              if !same { ledger.wrong += 1 }
            }
          case .failure(.canceled): ledger.cancelled += 1
          default: ledger.failures.append("\(index): \(result)")
          }
        }
        if index % 3 == 0 {
          // The same bytes that are there: reads beside it see no other.
          buffer.bytes.copyBytes(from: contents[position..<position + block])
          outstanding.append(
            loop.engine.write(
              to: file.descriptor, at: Int64(position), from: buffer, completion: completion))
        } else {
          outstanding.append(
            loop.engine.read(
              from: file.descriptor, at: Int64(position), into: buffer, completion: completion))
        }
        // Some at once, some after a while, some twice, some not at all.
        if Bool.random(using: &generator) {
          let victim = Int.random(in: 0..<outstanding.count, using: &generator)
          outstanding[victim].cancel()
        }
        if index % 5 == 0 { outstanding.last?.cancel() }
        if index % 64 == 63 {
          loop.loop.iterate()
          outstanding.removeAll { $0.isFinished }
        }
      }
      #expect(loop.loop.run(limit: .seconds(60)) { ledger.completions.count == total })
      loop.loop.settle()
      #expect(ledger.completions.values.allSatisfy { $0 == 1 })
      #expect(ledger.failures.isEmpty && ledger.wrong == 0)
      #expect(ledger.succeeded + ledger.cancelled == total)
      #expect(ledger.succeeded > 0)
    }
  }
}
