// Contract 21.3, 54caccb365: EINTR and EAGAIN are not errors, others are, whatever was transferred before; on each engine.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct ErrorInjectionTests {
    private struct Case {
      let injection: Injection
      let kind: Piece.Kind
      let injected: InjectedLoop
      let engine: AIOEngine
      let file: TestFile
      let buffers: [AIOBuffer]
      let outcome = Outcome()

      init(_ injection: Injection, _ kind: Piece.Kind, _ answers: [Answer]) throws {
        self.injection = injection
        self.kind = kind
        (injected, engine) = try injection.make()
        file = try TestFile(count: 9_000)
        buffers = injection.shape.buffers(for: randomBytes(6_000, seed: 5))
        injected.script.answer(kind, answers)
        if kind == .read {
          engine.read(file, at: 1_000, into: buffers, outcome)
        } else {
          engine.write(file, at: 1_000, from: buffers, outcome)
        }
        #expect(injected.run(until: [outcome]))
        #expect(injected.script.pieces.first?.way == injection.way(kind))
        #expect(injected.script.isSpent)
      }

      /// That it did all there was to do.
      func expectSuccess(sourceLocation: SourceLocation = #_sourceLocation) {
        outcome.expect(.success(6_000), sourceLocation: sourceLocation)
        let inFile = Array(file.read()[1_000..<7_000])
        #expect(firstDifference(bytes(of: buffers), inFile) == nil, sourceLocation: sourceLocation)
        if kind == .read {
          let untouched = Array(file.contents[1_000..<7_000])
          #expect(firstDifference(inFile, untouched) == nil, sourceLocation: sourceLocation)
        } else {
          let written = randomBytes(6_000, seed: 5)
          #expect(firstDifference(inFile, written) == nil, sourceLocation: sourceLocation)
        }
      }
    }

    private static let kinds: [Piece.Kind] = [.read, .write]

    @Test(arguments: Injection.all)
    func signalsAreNoErrors(_ injection: Injection) throws {
      for kind in Self.kinds {
        let signal = Answer.error(EINTR)
        try Case(
          injection, kind, [signal, .short(511), signal, signal, signal, .short(4_096), signal]
        ).expectSuccess()
        try Case(injection, kind, Array(repeating: signal, count: 100)).expectSuccess()
      }
    }

    @Test(arguments: Injection.all)
    func aLackOfResourcesIsTriedAgainElsewhere(_ injection: Injection) throws {
      for kind in Self.kinds {
        let lack = Answer.error(EAGAIN)
        let tried = try Case(injection, kind, [lack, lack, .short(513), lack, .short(4_096), lack])
        tried.expectSuccess()
        let pieces = tried.injected.script.pieces
        switch injection.kind {
        case .ioURing:
          // The kernel is told to use a thread of its own for the part that it had no resources for, and no other.
          let forced = pieces.map { $0.flags & (1 << CInt(IOSQE_ASYNC_BIT)) != 0 }
          #expect(forced == [false, true, true, false, true, false, true])
        case .linuxAIO, .threads:
          #expect(pieces.dropFirst().allSatisfy { $0.way == .call })
          #expect(pieces.last?.flags == 0)
        }
      }
    }

    @Test(arguments: Injection.all)
    func aLackOfResourcesThatStaysIsAnError(_ injection: Injection) throws {
      for kind in Self.kinds {
        let first = injection.asksPageCacheFirst(kind) ? 1 : 0
        let count = Int(Transfer.maximumRetries) + first
        try Case(injection, kind, Array(repeating: .error(EAGAIN), count: count)).expectSuccess()
        let failed = try Case(
          injection, kind, Array(repeating: .error(EAGAIN), count: count + 1))
        failed.outcome.expect(.failure(.resourceTemporarilyUnavailable))
        #expect(failed.injected.script.pieces.count == count + 1)
      }
    }

    @Test(arguments: Injection.all)
    func anErrorIsTheResultAlsoAfterAPart(_ injection: Injection) throws {
      for kind in Self.kinds {
        for code in [EIO, ECANCELED, ENOMEM, EBADF] {
          let atOnce = try Case(injection, kind, [.error(code)] + again(injection, kind, code))
          atOnce.outcome.expect(.failure(Errno(rawValue: code)))
          let after = try Case(
            injection, kind, [.short(511), .short(1), .short(4_096), .error(code)])
          after.outcome.expect(.failure(Errno(rawValue: code)))
          #expect(after.injected.script.pieces.count == 4)
        }
      }
    }

    /// What the page cache says at first is not asked for the error: the worker is.
    private func again(_ injection: Injection, _ kind: Piece.Kind, _ code: CInt) -> [Answer] {
      injection.kind == .threads && injection.asksPageCacheFirst(kind) ? [.error(code)] : []
    }

    @Test(arguments: Injection.all.filter { $0.kind != .threads && $0.shape == .single })
    func synchronizingGivesTheErrorOrTriesAgain(_ injection: Injection) throws {
      for dataOnly in [false, true] {
        for (answers, result) in [
          ([.error(EIO)], Result<Int, Errno>.failure(.ioError)),
          ([.error(EINTR), .error(EINTR)], .success(0)),
          ([.perform], .success(0)),
        ] as [([Answer], Result<Int, Errno>)] {
          let (injected, engine) = try injection.make()
          let file = try TestFile(count: 10)
          injected.script.answer(.synchronize, answers)
          let outcome = Outcome()
          engine.synchronize(file.descriptor, dataOnly: dataOnly, completion: outcome.completion)
          #expect(injected.run(until: [outcome]))
          outcome.expect(result)
          #expect(injected.script.isSpent)
          #expect(injected.script.pieces.first?.way == injection.way(.synchronize))
        }
      }
    }
  }
}
