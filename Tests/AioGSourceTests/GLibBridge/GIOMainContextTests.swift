// GIO pairs on the thread of another main context.

import AioGSource
import CGLib
import Glibc
import Testing

extension AllTests {
  @Suite(.timeLimit(.minutes(1))) struct GIOMainContextTests {
    @Test func aTaskUsesTheThreadOfAContextFromAnywhere() async throws {
      let thread = GLibThread()
      defer { thread.stop() }
      let object = WatchedObject()
      let pointer = Unretained(OpaquePointer(object.pointer))
      for _ in 0..<200 {
        let started = Flag()
        let isRight = try await GIO.call(
          pointer.pointer, on: thread.context
        ) { source, cancellable, callback, data in
          if thread.isCurrent && MainContext.threadDefault.pointer == thread.context.pointer {
            started.set()
          }
          FakeOperation.start(source.gobject, 3, .fromAnotherThread, cancellable, callback, data)
        } finish: { source, result, error in
          FakeOperation.finish(result, error) == 3 && thread.isCurrent
            && source == pointer.pointer
        }
        #expect(isRight && started.isSet)
      }
      let failure = GLibError(G_IO_ERROR_BUSY, message: "busy")
      await #expect(throws: failure) {
        try await GIO.call(on: thread.context) {
          FakeOperation.start(nil, 0, error: failure, .later, $0, $1, $2)
        } finish: {
          FakeOperation.finish($0, $1)
        }
      }
      FakeOperation.joinThreads()
    }

    @Test func anIOThreadsMainContextWillDo() async throws {
      let thread = try IOThread(name: "worker")
      let file = try TemporaryFile([1, 2, 3])
      let path = file.path
      let context = thread.context
      let length = try await GIO.call(on: thread.mainContext()) { cancellable, callback, data in
        precondition(context.isHomeThread)
        let file = g_file_new_for_path(path)!
        g_file_load_bytes_async(file, cancellable, callback, data)
        g_object_unref(file.gobject)
      } finish: { result, error in
        precondition(context.isHomeThread)
        let file = OpaquePointer(g_async_result_get_source_object(result)!)
        defer { g_object_unref(file.gobject) }
        guard let bytes = g_file_load_bytes_finish(file, result, nil, error) else { return 0 }
        defer { g_bytes_unref(bytes) }
        return Int(g_bytes_get_size(bytes))
      }
      #expect(length == 3)
      thread.stop()
    }

    @Test func itsThreadNeedNotHaveMadeItTheDefault() async throws {
      let runner = ContextRunner()
      defer { runner.stop() }
      runner.start()
      let isRight = try await GIO.call(on: runner.context) {
        FakeOperation.start(nil, 1, .later, $0, $1, $2)
      } finish: {
        FakeOperation.finish($0, $1) == 1 && runner.isCurrent
      }
      #expect(isRight)
    }

    @Test func onTheThreadItselfTheStartIsNotPutOff() async throws {
      let thread = GLibThread()
      defer { thread.stop() }
      let log = try await thread.run {
        let log = Log()
        thread.context.later { log.add("an iteration") }
        _ = try await GIO.call(on: thread.context) {
          log.add("start")
          FakeOperation.start(nil, 1, .later, $0, $1, $2)
        } finish: {
          FakeOperation.finish($0, $1)
        }
        return log.value
      }
      #expect(log == ["start", "an iteration"])
    }

    // g_main_context_invoke would start it on the calling thread.
    @Test func aContextThatNobodyOwnsYetIsWaitedFor() async throws {
      try #require(g_main_context_acquire(g_main_context_default()) != 0)
      g_main_context_release(g_main_context_default())
      let starter = Box<pthread_t?>(nil)
      let isDone = Flag()
      let task = Task {
        let value = try await GIO.call(on: .default) {
          starter.value = pthread_self()
          FakeOperation.start(nil, 1, .later, $0, $1, $2)
        } finish: {
          FakeOperation.finish($0, $1)
        }
        isDone.set()
        return value
      }
      sleep(milliseconds: 20)
      #expect(starter.value == nil)
      let runner = Box<pthread_t?>(nil)
      let thread = TestThread {
        runner.value = pthread_self()
        while !isDone.isSet { MainContext.default.iteration(mayBlock: false) }
      }
      #expect(try await task.value == 1)
      thread.join()
      #expect(starter.value == runner.value)
    }

    @Test func whileItWaitsForItsThreadACallIsCancelledAtOnce() async {
      let object = WatchedObject()
      let started = Flag()
      let context = Box<MainContext?>(MainContext())
      let task = Task {
        let pointer = Unretained(OpaquePointer(object.pointer))
        return try await GIO.call(
          pointer.pointer, on: context.value!
        ) { source, cancellable, callback, data in
          started.set()
          FakeOperation.start(source.gobject, 1, .later, cancellable, callback, data)
        } finish: {
          FakeOperation.finish($1, $2)
        }
      }
      sleep(milliseconds: 5)
      task.cancel()
      await #expect {
        try await task.value
      } throws: {
        ($0 as? GLibError)?.isCancelled == true
      }
      object.letGo()
      // The thread that owns the context is the one that may finalize it.
      #expect(!object.isGone)
      context.value!.iteration(mayBlock: false)
      #expect(object.isGone)
      #expect(!started.isSet)
    }

    @Test func aContextThatIsNeverRunTakesACancelledCallWithIt() async {
      let object = WatchedObject()
      let context = Box<MainContext?>(MainContext())
      let task = Task {
        let pointer = Unretained(OpaquePointer(object.pointer))
        return try await GIO.call(
          pointer.pointer, on: context.value!
        ) { source, cancellable, callback, data in
          FakeOperation.start(source.gobject, 1, .later, cancellable, callback, data)
        } finish: {
          FakeOperation.finish($1, $2)
        }
      }
      sleep(milliseconds: 5)
      task.cancel()
      _ = await task.result
      object.letGo()
      context.value = nil
      #expect(object.isGone)
    }
  }
}
