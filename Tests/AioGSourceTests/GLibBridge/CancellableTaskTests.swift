// A child task that a GCancellable cancels.

import AioGSource
import CGLib
import Glibc
import SeededRandom
import Testing

extension AllTests {
  @Suite(.timeLimit(.minutes(1))) struct CancellableTaskTests {
    private struct Failure: Error {}

    private static func untilCancelled() async {
      while !Task.isCancelled { await Task.yield() }
    }

    @Test func whatTheBodyReturnsOrThrowsComesThrough() async throws {
      let cancellable = Cancellable()
      #expect(await withCancellable(cancellable) { 7 } == 7)
      #expect(await withCancellable(nil) { 8 } == 8)
      await #expect(throws: Failure.self) {
        try await withCancellable(cancellable) { () async throws(Failure) in throw Failure() }
      }
      #expect(!cancellable.isListenedTo)
      #expect(cancellable.references == 1)
    }

    @Test func anotherThreadCancelsTheBodyAndNotTheCaller() async {
      let cancellable = Cancellable()
      let runs = Flag()
      let thread = TestThread {
        while !runs.isSet { sleep(milliseconds: 0.1) }
        cancellable.cancel()
      }
      let wasCancelled = await withCancellable(cancellable) {
        runs.set()
        await Self.untilCancelled()
        return Task.isCancelled
      }
      #expect(wasCancelled)
      #expect(!Task.isCancelled)
      thread.join()
      #expect(!cancellable.isListenedTo)
      #expect(cancellable.references == 1)
    }

    @Test func theBodyIsCancelledBeforeTheCancellationReturns() async {
      let cancellable = Cancellable()
      let runs = Flag()
      let heard = Flag()
      let thread = TestThread {
        while !runs.isSet { sleep(milliseconds: 0.1) }
        cancellable.cancel()
        precondition(heard.isSet)
      }
      await withCancellable(cancellable) {
        await withTaskCancellationHandler {
          runs.set()
          while !heard.isSet { await Task.yield() }
        } onCancel: {
          heard.set()
        }
      }
      thread.join()
    }

    @Test func cancelledBeforeItRunsCancelledFromTheStart() async {
      let cancellable = Cancellable()
      cancellable.cancel()
      #expect(await withCancellable(cancellable) { Task.isCancelled })
      #expect(!Task.isCancelled)
      #expect(cancellable.references == 1)
    }

    @Test func theBodyMayCancelItself() async {
      let cancellable = Cancellable()
      let wasCancelled = await withCancellable(cancellable) {
        cancellable.cancel()
        return Task.isCancelled
      }
      #expect(wasCancelled)
      #expect(!cancellable.isListenedTo)
    }

    @Test func theCallersCancellationReachesTheBody() async {
      let cancellable = Cancellable()
      let task = Task {
        await withCancellable(cancellable) { await Self.untilCancelled() }
      }
      task.cancel()
      await task.value
      #expect(!cancellable.isCancelled)
    }

    @Test func theBodyHasTheCallersExecutorAndValues() async throws {
      enum Values { @TaskLocal static var value = 0 }
      let thread = GLibThread()
      defer { thread.stop() }
      let isRight = try await thread.run {
        await Values.$value.withValue(5) {
          await withCancellable(Cancellable()) { thread.isCurrent && Values.value == 5 }
        }
      }
      #expect(isRight)
    }

    // g_cancellable_disconnect would wait here for the handler that waits for us.
    @Test func theBodyMayEndWhileHandlersOfOthersRun() async {
      let cancellable = Cancellable()
      let runs = Flag()
      let isDone = Flag()
      let handler = cancellable.onCancelled {
        while !isDone.isSet { sleep(milliseconds: 0.1) }
      }
      let thread = TestThread {
        while !runs.isSet { sleep(milliseconds: 0.1) }
        cancellable.cancel()
      }
      await withCancellable(cancellable) {
        runs.set()
        while !cancellable.isCancelled { await Task.yield() }
      }
      isDone.set()
      thread.join()
      g_cancellable_disconnect(cancellable.pointer, handler)
      #expect(!cancellable.isListenedTo)
    }

    @Test func aCancellationAtAnyMomentIsSafe() async {
      var generator = SeededGenerator(seed: 7)
      for _ in 0..<1_000 {
        let cancellable = Cancellable()
        let rounds = Int.random(in: 0...40, using: &generator)
        let delay = UInt32.random(in: 0...30, using: &generator)
        async let cancelled: Void = Task.detached {
          usleep(delay)
          cancellable.cancel()
        }.value
        await withCancellable(cancellable) {
          for _ in 0..<rounds { await Task.yield() }
        }
        #expect(!cancellable.isListenedTo)
        await cancelled
        #expect(cancellable.references == 1)
      }
    }

    @Test func aBodyThatEndsInsideItsOwnCancellationTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let thread = GLibThread()
        let cancellable = Cancellable()
        let context = thread.context
        try await thread.run {
          await withCancellable(cancellable) {
            let waiter = Box<UnsafeContinuation<Void, Never>?>(nil)
            await withTaskCancellationHandler {
              await withUnsafeContinuation {
                waiter.value = $0
                context.later { cancellable.cancel() }
              }
            } onCancel: {
              // Whatever the runtime's own rules about this are.
              waiter.value?.resume()
              for _ in 0..<100 { context.iteration(mayBlock: false) }
            }
          }
        }
      }
      expectSentence("ran that task to its end", in: result)
    }
  }
}
