// Contract 20.6, 21.3: what short results, signals, refusals and errors come to, on each engine, over a fake kernel that
// gives them and does the rest on a real file.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct InjectionTests {
    static let length = 20_000
    /// Short results at every class of size, alone and after each other; the last leaves one byte.
    static let divisions: [[Int]] = [
      [1], [511], [512], [513], [4095], [4096], [4097], [length - 1], [1, 1, 1],
      [511, 1, 4096, 513], [4097, 4095, 512], [1, 512, length - 514],
    ]
    static let offsets = [0, 1, 512, 5_000]

    /// Checks that the parts asked for were where they had to be, and who was asked.
    private func expectParts(
      _ script: Script, _ way: Piece.Way, _ division: [Int], at offset: Int,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let pieces = script.pieces
      var position = offset
      var expected = [offset]
      for part in division {
        position += part
        expected.append(position)
      }
      #expect(pieces.map { Int($0.offset) } == expected, sourceLocation: sourceLocation)
      #expect(
        pieces.map { $0.length } == expected.map { Self.length - ($0 - offset) },
        sourceLocation: sourceLocation)
      #expect(pieces.first?.way == way, sourceLocation: sourceLocation)
      #expect(script.isSpent, sourceLocation: sourceLocation)
      script.forget()
    }

    @Test(arguments: Injection.all)
    func shortReadsContinueWhereTheyStopped(_ injection: Injection) throws {
      let (injected, engine) = try injection.make()
      let file = try TestFile(count: 30_000)
      for offset in Self.offsets {
        for division in Self.divisions {
          injected.script.answer(.read, division.map { .short($0) })
          let buffers = injection.shape.buffers(for: randomBytes(Self.length, seed: 9))
          let outcome = Outcome()
          engine.read(file, at: offset, into: buffers, outcome)
          #expect(injected.run(until: [outcome]))
          outcome.expect(.success(Self.length))
          #expect(
            firstDifference(
              bytes(of: buffers), Array(file.contents[offset...].prefix(Self.length))) == nil)
          expectParts(injected.script, injection.way(.read), division, at: offset)
        }
      }
    }

    @Test(arguments: Injection.all)
    func shortWritesContinueWhereTheyStopped(_ injection: Injection) throws {
      let (injected, engine) = try injection.make()
      let file = try TestFile(count: 30_000)
      var contents = file.contents
      for (index, offset) in Self.offsets.enumerated() {
        for division in Self.divisions {
          injected.script.answer(.write, division.map { .short($0) })
          let new = randomBytes(Self.length, seed: UInt64(100 + index + division[0]))
          let buffers = injection.shape.buffers(for: new)
          let outcome = Outcome()
          engine.write(file, at: offset, from: buffers, outcome)
          #expect(injected.run(until: [outcome]))
          outcome.expect(.success(Self.length))
          contents.replaceSubrange(offset..<offset + Self.length, with: new)
          #expect(firstDifference(file.read(), contents) == nil)
          #expect(firstDifference(bytes(of: buffers), new) == nil)
          expectParts(injected.script, injection.way(.write), division, at: offset)
        }
      }
    }

    @Test(arguments: Injection.all)
    func theFilesEndZeroesTheRest(_ injection: Injection) throws {
      let (injected, engine) = try injection.make()
      let file = try TestFile(count: 5_000)
      for (offset, division) in [(0, []), (700, [1, 511]), (4_999, []), (0, [4_096, 900])] {
        injected.script.answer(.read, division.map { .short($0) })
        let buffers = injection.shape.buffers(for: randomBytes(9_000, seed: 3))
        let outcome = Outcome()
        engine.read(file, at: offset, into: buffers, outcome)
        #expect(injected.run(until: [outcome]))
        outcome.expect(.success(5_000 - offset))
        let zeroes = [UInt8](repeating: 0, count: 4_000 + offset)
        #expect(
          firstDifference(bytes(of: buffers), Array(file.contents[offset...]) + zeroes) == nil)
        #expect(injected.script.pieces.first?.way == injection.way(.read))
        injected.script.forget()
      }
    }

    @Test(arguments: Injection.all)
    func beyondTheEndThereAreOnlyZeroes(_ injection: Injection) throws {
      let (injected, engine) = try injection.make()
      let file = try TestFile(count: 100)
      let buffers = injection.shape.buffers(for: randomBytes(9_000, seed: 3))
      let outcome = Outcome()
      engine.read(file, at: 100, into: buffers, outcome)
      #expect(injected.run(until: [outcome]))
      outcome.expect(.success(0))
      #expect(
        firstDifference(bytes(of: buffers), [UInt8](repeating: 0, count: 9_000)) == nil)
      #expect(injected.script.pieces.first?.way == injection.way(.read))
    }

    @Test(arguments: Injection.all)
    func aRefusalToReadOnOffTheBlocksIsTheFilesEnd(_ injection: Injection) throws {
      let (injected, engine) = try injection.make()
      let file = try TestFile(count: 9_000)
      injected.script.answer(.read, [.short(4_096), .short(513), .error(EINVAL)])
      let buffers = injection.shape.buffers(for: randomBytes(9_000, seed: 3))
      let outcome = Outcome()
      engine.read(file, at: 0, into: buffers, outcome)
      #expect(injected.run(until: [outcome]))
      outcome.expect(.success(4_609))
      let expected = file.contents.prefix(4_609) + [UInt8](repeating: 0, count: 4_391)
      #expect(firstDifference(bytes(of: buffers), Array(expected)) == nil)
      #expect(injected.script.pieces.first?.way == injection.way(.read))
    }

    @Test(arguments: Injection.all)
    func aWriteThatDoesNotGetOnHasNoSpace(_ injection: Injection) throws {
      let (injected, engine) = try injection.make()
      let file = try TestFile(count: 10)
      for division in [[0], [1, 0], [4_096, 511, 0]] {
        injected.script.answer(.write, division.map { .short($0) })
        let outcome = Outcome()
        engine.write(
          file, at: 0, from: injection.shape.buffers(for: randomBytes(9_000, seed: 3)), outcome)
        #expect(injected.run(until: [outcome]))
        outcome.expect(.failure(.noSpace))
        #expect(injected.script.pieces.first?.way == injection.way(.write))
        #expect(injected.script.pieces.count == division.count)
        injected.script.forget()
      }
    }

    @Test(arguments: Injection.all)
    func moreThanWasAskedForIsNotBelieved(_ injection: Injection) throws {
      let (injected, engine) = try injection.make()
      let file = try TestFile(count: 9_000)
      injected.script.answer(.read, [.short(8_000), .boast(5)])
      let buffers = injection.shape.buffers(for: randomBytes(9_000, seed: 3))
      let outcome = Outcome()
      engine.read(file, at: 0, into: buffers, outcome)
      #expect(injected.run(until: [outcome]))
      outcome.expect(.success(9_000))
      #expect(firstDifference(bytes(of: buffers), file.contents) == nil)
      #expect(injected.script.pieces.first?.way == injection.way(.read))
    }
  }
}
