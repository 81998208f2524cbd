// A GCancellable as an object, and one that follows a task's cancellation.

import AioGSource
import CGLib
import Testing

extension AllTests {
  @Suite(.timeLimit(.minutes(1))) struct CancellableTests {
    private struct Failure: Error {}

    @Test func itCancelsOnceAndForAll() throws {
      let cancellable = Cancellable()
      #expect(!cancellable.isCancelled)
      try cancellable.checkCancellation()
      cancellable.cancel()
      cancellable.cancel()
      #expect(cancellable.isCancelled)
      #expect { try cancellable.checkCancellation() } throws: {
        ($0 as? GLibError)?.isCancelled == true
      }
    }

    @Test func somebodyElsesIsSharedAndKept() {
      let pointer = g_cancellable_new()!
      do {
        let cancellable = Cancellable(retaining: pointer)
        #expect(cancellable.references == 2)
        cancellable.cancel()
      }
      let cancellable = Cancellable(retaining: pointer)
      g_object_unref(pointer)
      #expect(cancellable.references == 1)
      #expect(cancellable.isCancelled)
    }

    // MARK: Following a task

    @Test func itIsCancelledWithTheTask() async throws {
      let shared = Box<Cancellable?>(nil)
      let heard = Flag()
      let task = Task {
        await Cancellable.withTaskCancellation { cancellable in
          let handler = cancellable.onCancelled { heard.set() }
          shared.value = cancellable
          while !Task.isCancelled { await Task.yield() }
          #expect(cancellable.isCancelled)
          g_cancellable_disconnect(cancellable.pointer, handler)
        }
      }
      while shared.value == nil { await Task.yield() }
      #expect(shared.value?.isCancelled == false)
      task.cancel()
      // By then, and not some time later.
      #expect(heard.isSet)
      await task.value
    }

    @Test func ofATaskCancelledBeforeItIsCancelledFromTheStart() async {
      let task = Task {
        while !Task.isCancelled { await Task.yield() }
        return await Cancellable.withTaskCancellation { $0.isCancelled }
      }
      task.cancel()
      #expect(await task.value)
    }

    @Test func whatTheBodyReturnsOrThrowsComesThrough() async throws {
      #expect(await Cancellable.withTaskCancellation { _ in 7 } == 7)
      await #expect(throws: Failure.self) {
        try await Cancellable.withTaskCancellation { _ throws(Failure) in throw Failure() }
      }
    }

    @Test func afterTheBodyTheTaskDoesNotReachIt() async {
      let shared = Box<Cancellable?>(nil)
      let hasReturned = Flag()
      let task = Task {
        await Cancellable.withTaskCancellation { shared.value = $0 }
        hasReturned.set()
        while !Task.isCancelled { await Task.yield() }
      }
      while !hasReturned.isSet { await Task.yield() }
      task.cancel()
      await task.value
      #expect(shared.value?.isCancelled == false)
      #expect(shared.value?.references == 1)
    }

    @Test func itRunsInTheCallersIsolation() async {
      await Self.checkIsolation()
    }

    @MainActor private static func checkIsolation() async {
      var count = 0
      await Cancellable.withTaskCancellation { _ in
        MainActor.assertIsolated()
        count += 1
      }
      #expect(count == 1)
    }
  }
}
