// GIO pairs awaited: real ones, and one that completes how it should not.

import AioGSource
import CGLib
import Glibc
import Testing

extension AllTests {
  @Suite(.timeLimit(.minutes(1))) struct GIOCallTests {
    static func load(_ path: String) async throws(GLibError) -> [UInt8] {
      let file = g_file_new_for_path(path)!
      defer { g_object_unref(file.gobject) }
      return try await GIO.call(file) { file, cancellable, callback, data in
        g_file_load_contents_async(file, cancellable, callback, data)
      } finish: { file, result, error in
        var contents: UnsafeMutablePointer<CChar>?
        var length: gsize = 0
        guard g_file_load_contents_finish(file, result, &contents, &length, nil, error) != 0 else {
          return []
        }
        defer { g_free(contents) }
        return Array(UnsafeRawBufferPointer(start: contents, count: Int(length)))
      }
    }

    static func fake(_ moment: FakeOperation.Moment, error: GLibError? = nil)
      async throws(GLibError) -> Int
    {
      try await GIO.call {
        FakeOperation.start(nil, 7, error: error, moment, $0, $1, $2)
      } finish: {
        FakeOperation.finish($0, $1)
      }
    }

    // MARK: Real ones

    @Test func aFilesContentsAreLoaded() async throws {
      let thread = GLibThread()
      defer { thread.stop() }
      let bytes = randomBytes(300_000)
      let file = try TemporaryFile(bytes)
      #expect(try await thread.run { try await Self.load(file.path) } == bytes)
    }

    @Test func aMissingFileIsAnError() async {
      let thread = GLibThread()
      defer { thread.stop() }
      await #expect {
        try await thread.run { try await Self.load("/nonexistent/file") }
      } throws: {
        ($0 as? GLibError)?.ioErrorCode == G_IO_ERROR_NOT_FOUND
      }
    }

    @Test func anObjectIsReturnedToItsNewOwner() async throws {
      let thread = GLibThread()
      defer { thread.stop() }
      let file = try TemporaryFile([1, 2, 3, 4, 5])
      let size = try await thread.run {
        let file = g_file_new_for_path(file.path)!
        defer { g_object_unref(file.gobject) }
        let info = try await GIO.call(file) { file, cancellable, callback, data in
          g_file_query_info_async(
            file, "standard::size", G_FILE_QUERY_INFO_NONE, G_PRIORITY_DEFAULT, cancellable,
            callback, data)
        } finish: { file, result, error in
          g_file_query_info_finish(file, result, error)
        }
        let size = g_file_info_get_size(info)
        g_object_unref(info!.gobject)
        return size
      }
      #expect(size == 5)
    }

    // MARK: Every order

    @Test(arguments: [FakeOperation.Moment.duringTheStart, .later, .fromAnotherThread])
    func theResultComesWheneverTheCallbackDoes(_ moment: FakeOperation.Moment) async throws {
      let thread = GLibThread()
      defer { thread.stop() }
      #expect(try await thread.run { try await Self.fake(moment) } == 7)
      let failure = GLibError(G_IO_ERROR_BUSY, message: "busy")
      await #expect(throws: failure) {
        try await thread.run { try await Self.fake(moment, error: failure) }
      }
      FakeOperation.joinThreads()
    }

    @Test func aCallbackThatComesTwiceTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        _ = try await GIO.call {
          FakeOperation.start(nil, 7, .duringTheStart, $0, $1, $2)
          FakeOperation.start(nil, 7, .duringTheStart, $0, $1, $2)
        } finish: {
          FakeOperation.finish($0, $1)
        }
      }
      expectSentence("called its callback twice", in: result)
    }

    // MARK: Who runs what where

    @Test func startAndFinishRunOnTheThreadOfTheContext() async throws {
      let threads = [GLibThread(), GLibThread()]
      defer { for thread in threads { thread.stop() } }
      // Both at once, each in its own default context.
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for thread in threads {
          group.addTask {
            try await thread.run {
              var isRight = true
              for _ in 0..<200 {
                let started = Flag()
                isRight =
                  try await GIO.call {
                    if thread.isCurrent { started.set() }
                    FakeOperation.start(nil, 1, .fromAnotherThread, $0, $1, $2)
                  } finish: {
                    FakeOperation.finish($0, $1) == 1 && thread.isCurrent
                  } && started.isSet && isRight
              }
              return isRight
            }
          }
        }
        for try await isRight in group { #expect(isRight) }
      }
      FakeOperation.joinThreads()
    }

    @Test func aDefaultContextPushedForTheStartGetsTheCallback() async throws {
      let runner = ContextRunner()
      defer { runner.stop() }
      // From whatever thread this is.
      let isRight = try await GIO.call { cancellable, callback, data in
        runner.context.withThreadDefault {
          FakeOperation.start(nil, 1, .later, cancellable, callback, data)
        }
        runner.start()
      } finish: {
        FakeOperation.finish($0, $1) == 1 && runner.isCurrent
      }
      #expect(isRight)
    }

    @Test func theStartIsInTheCallersIsolation() async throws {
      let thread = GLibThread()
      defer { thread.stop() }
      let resident = Resident(thread)
      #expect(try await resident.callTwice() == [1, 2])
      let runner = ContextRunner()
      defer { runner.stop() }
      #expect(try await Self.callOnMain(runner) == 1)
    }

    /// An actor that lives on the thread.
    private actor Resident {
      private let thread: GLibThread
      private let executor: GLibThread.Serial
      private var calls: [Int] = []
      nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
      init(_ thread: GLibThread) {
        self.thread = thread
        executor = GLibThread.Serial(thread)
      }

      func callTwice() async throws -> [Int] {
        for number in 1...2 {
          let value = try await GIO.call {
            // Ours to change, for we are still in the actor.
            calls.append(number)
            FakeOperation.start(nil, number, .later, $0, $1, $2)
          } finish: {
            FakeOperation.finish($0, $1)
          }
          precondition(thread.isCurrent && value == number)
        }
        return calls
      }
    }

    @MainActor private static func callOnMain(_ runner: ContextRunner) async throws -> Int {
      var count = 0
      let value = try await GIO.call { cancellable, callback, data in
        MainActor.assertIsolated()
        count += 1
        runner.context.withThreadDefault {
          FakeOperation.start(nil, 1, .later, cancellable, callback, data)
        }
        runner.start()
      } finish: { result, error in
        FakeOperation.finish(result, error)
      }
      MainActor.assertIsolated()
      return value * count
    }

    @Test func theSourceObjectLivesUntilTheCallIsOver() async throws {
      let thread = GLibThread()
      defer { thread.stop() }
      let object = WatchedObject()
      let wasThere = try await thread.run {
        try await GIO.call(object.pointer) { source, cancellable, callback, data in
          // Without telling the task, which would keep it.
          FakeOperation.start(nil, 1, .later, cancellable, callback, data)
          object.letGo()
        } finish: { source, result, error in
          FakeOperation.finish(result, error) == 1 && !object.isGone && source == object.pointer
        }
      }
      #expect(wasThere)
      #expect(object.isGone)
    }
  }
}
