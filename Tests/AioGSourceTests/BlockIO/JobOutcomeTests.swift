// What a job comes to, in its place or beside it: taken once, and let go of where nobody takes it.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct JobOutcomeTests {
    private final class Token: Sendable {
      let alive: Counter
      init(_ alive: Counter) {
        self.alive = alive
        alive.increment()
      }
      deinit { alive.decrement() }
    }

    /// More than fits in the job.
    private struct Large: Sendable {
      var token: Token
      var numbers: (Int, Int, Int, Int, Int) = (1, 2, 3, 4, 5)
    }

    private struct Failure: Error {
      let token: Token
    }

    @Test func whatFitsIsInPlace() {
      #expect(ValueJob<Void>.fits)
      #expect(ValueJob<Int>.fits)
      #expect(ValueJob<Token>.fits)
      #expect(!ValueJob<Large>.fits)
      #expect(!ValueJob<SIMD4<Int32>>.fits, "it is aligned to 16 bytes")
    }

    @Test func itIsTakenOnce() throws {
      let alive = Counter()
      do {
        let small = ValueJob { Token(alive) }
        small.run()
        #expect(small.hasOutcome)
        #expect(alive.value == 1)
        _ = try small.takeOutcome().get()
        #expect(!small.hasOutcome)
        #expect(alive.value == 0)
        let large = ValueJob { Large(token: Token(alive)) }
        large.run()
        let value = try large.takeOutcome().get()
        #expect(value.numbers == (1, 2, 3, 4, 5))
        #expect(alive.value == 1)
        let aligned = ValueJob { SIMD4<Int32>(1, 2, 3, 4) }
        aligned.run()
        #expect(try aligned.takeOutcome().get() == SIMD4<Int32>(1, 2, 3, 4))
        let failing = ValueJob { () throws -> Large in throw Failure(token: Token(alive)) }
        failing.run()
        #expect(throws: Failure.self) { try failing.takeOutcome().get() }
      }
      #expect(alive.value == 0)
    }

    @Test func whatNobodyTakesGoesWithTheJob() {
      let alive = Counter()
      do {
        let jobs: [Job] = [
          ValueJob { Token(alive) },
          ValueJob { Large(token: Token(alive)) },
          ValueJob { () throws -> Token in throw Failure(token: Token(alive)) },
          ValueJob { () throws -> Large in throw Failure(token: Token(alive)) },
        ]
        for job in jobs { job.run() }
        #expect(alive.value == 4)
      }
      #expect(alive.value == 0)
    }

    @Test func whatNeverRanLetsGoOfItsFunction() {
      let alive = Counter()
      do {
        let token = Token(alive)
        let job = ValueJob { token.alive.value }
        withExtendedLifetime(job) { #expect(alive.value == 1) }
      }
      #expect(alive.value == 0)
    }

    /// The whole way, with completions.
    @Test func nothingIsLeftOfWhatWasReported() throws {
      let alive = Counter()
      let called = Counter()
      do {
        let context = try AioContext()
        for _ in 0..<8 {
          let token = Token(alive)
          context.threadPool.submit(
            { Large(token: token) }, completion: { _ in called.increment() })
        }
        while called.value < 8 { context.poll(blocking: true) }
        #expect(alive.value == 0)
      }
      #expect(alive.value == 0)
      #expect(called.value == 8)
    }
  }
}
