// Contract 21.3: a stream's transfer is over with what there is, and waits for the descriptor where there is nothing; on each
// engine.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct StreamInjectionTests {
    /// Streams of Linux AIO and of threads wait in an epoll set.
    private func way(_ kind: AIOEngine.Kind) -> Piece.Way { kind == .ioURing ? .ring : .call }

    @Test(arguments: AIOEngine.Kind.allCases)
    func nothingYetIsWaitedFor(_ kind: AIOEngine.Kind) throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(kind)
      #expect(engine.kind == kind)
      let pair = Pair.pipe()
      let buffer = AIOBuffer(count: 100)
      let outcome = Outcome()
      // Of nothing, and then of a readiness that was somebody else's.
      injected.script.answer(.read, [.error(EAGAIN), .error(EAGAIN), .error(EINTR)])
      engine.read(from: pair.reader, into: buffer, completion: outcome.completion)
      for _ in 0..<5 {
        injected.ring?.look()
        injected.loop.iterate()
      }
      #expect(!outcome.isThere)
      pair.write("hello")
      #expect(injected.run(until: [outcome]))
      outcome.expect(.success(5))
      #expect(Array(buffer.bytes.prefix(5)) == Array("hello".utf8))
      #expect(injected.script.isSpent)
      #expect(injected.script.ways == ways(way(kind), 4))
    }

    @Test(arguments: AIOEngine.Kind.allCases)
    func aPartIsTheResult(_ kind: AIOEngine.Kind) throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(kind)
      let pair = Pair.pipe()
      let buffer = AIOBuffer(Array("hello".utf8))
      let written = Outcome()
      injected.script.answer(.write, [.short(3)])
      engine.write(to: pair.writer, from: buffer, completion: written.completion)
      #expect(injected.run(until: [written]))
      written.expect(.success(3))
      let read = Outcome()
      injected.script.answer(.read, [.short(1)])
      engine.read(from: pair.reader, into: buffer, completion: read.completion)
      #expect(injected.run(until: [read]))
      read.expect(.success(1))
      #expect(injected.script.ways == ways(way(kind), 2))
    }

    @Test(arguments: AIOEngine.Kind.allCases)
    func whatWaitsCanBeCancelled(_ kind: AIOEngine.Kind) throws {
      let injected = try InjectedLoop()
      let engine = try injected.engine(kind)
      let pair = Pair.pipe()
      let outcome = Outcome()
      injected.script.answer(.read, [.error(EAGAIN)])
      let request = engine.read(
        from: pair.reader, into: AIOBuffer(count: 100), completion: outcome.completion)
      for _ in 0..<3 { injected.loop.iterate() }
      request.cancel()
      #expect(!outcome.isThere)
      #expect(injected.run(until: [outcome]))
      outcome.expect(.failure(.canceled))
      // And what comes then stays for the next.
      pair.write("x")
      for _ in 0..<3 { injected.loop.iterate() }
      #expect(pair.drain() == 1)
      #expect(injected.script.ways == ways(way(kind), 1))
    }
  }
}
