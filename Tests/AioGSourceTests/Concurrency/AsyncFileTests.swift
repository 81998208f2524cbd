// The operations on files, awaited: on each engine, over each monitor, under each driver.

import CTestSupport
import Foundation
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct AsyncFileTests {
    @Test(arguments: EngineCombination.all)
    func transfersWhatWasAsked(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let (engine, context) = (loop.engine, loop.context)
      let file = try TestFile(count: 100_000)
      let bytes = try loop.task {
        let buffer = AIOBuffer(count: 100_000)
        #expect(try await engine.read(from: file.descriptor, at: 0, into: buffer) == 100_000)
        #expect(context.isHomeThread)
        #expect(Array(buffer.bytes) == file.contents)
        // A part of a buffer, short at the end of the file.
        let part = AIOBuffer(count: 3_000)
        let count = try await engine.read(
          from: file.descriptor, at: 99_000, into: part, range: 1_000..<3_000)
        #expect(count == 1_000)
        #expect(Array(part.bytes[1_000..<2_000]) == Array(file.contents[99_000...]))
        #expect(part.bytes[2_000...].allSatisfy { $0 == 0 })
        let halves = [AIOBuffer(count: 777), AIOBuffer(count: 5_000)]
        #expect(try await engine.read(from: file.descriptor, at: 10, into: halves) == 5_777)
        #expect(
          Array(halves[0].bytes) + Array(halves[1].bytes) == Array(file.contents[10..<5_787]))
        #expect(
          try await engine.write(to: file.descriptor, at: 5, from: AIOBuffer([1, 2, 3])) == 3)
        try await engine.write(
          to: file.descriptor, at: 8, from: [AIOBuffer([4]), AIOBuffer([5, 6])])
        try await engine.synchronize(file.descriptor)
        try await engine.synchronize(file.descriptor, dataOnly: true)
        #expect(try await engine.status(of: file.descriptor).size == 100_000)
        try await engine.allocate(.allocate, 0..<200_000, in: file.descriptor)
        #expect(try await engine.status(of: file.descriptor).size == 200_000)
        #expect(context.isHomeThread)
        return file.read()
      }
      #expect(Array(bytes[5..<11]) == [1, 2, 3, 4, 5, 6])
    }

    @Test(arguments: EngineCombination.all)
    func opensAndCloses(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let engine = loop.engine
      let path = FilePath(FileManager.default.temporaryDirectory.path + "/aio-\(UUID().uuidString)")
      defer { unlink(path.string) }
      try loop.task {
        await #expect(throws: Errno.noSuchFileOrDirectory) { try await engine.status(of: path) }
        let file = try await engine.open(path, .readWrite, options: .create)
        #expect(try await engine.write(to: file, from: AIOBuffer(Array("hello".utf8))) == 5)
        #expect(try await engine.status(of: path).size == 5)
        try await engine.close(file)
        await #expect(throws: Errno.badFileDescriptor) {
          try await engine.read(from: file, at: 0, into: AIOBuffer(count: 1))
        }
      }
    }

    /// A task that belongs somewhere else goes to the context and comes back.
    @Test(arguments: EngineCombination.all)
    func canBeAwaitedFromAnywhere(_ combination: EngineCombination) async throws {
      let thread = try IOThread(
        name: "elsewhere", configuration: .init(monitor: .demanded(combination.loop.monitor)))
      if combination.loop.driver == .glib { _ = try thread.mainContext() }
      let context = thread.context
      let engine = try await context.run {
        Result { () throws(AioError) in try context.engine(combination.engine) }
      }.get()
      #expect(engine.kind == combination.engine)
      let file = try TestFile(count: 10_000)
      let buffer = AIOBuffer(count: 10_000)
      #expect(!context.isHomeThread)
      #expect(try await engine.read(from: file.descriptor, at: 0, into: buffer) == 10_000)
      #expect(!context.isHomeThread)
      #expect(Array(buffer.bytes) == file.contents)
      #expect(try await context.read(from: file.descriptor, at: 9_999, into: buffer) == 1)
      // A main actor's, and an actor's of another context, stay where they are.
      let count = try await onTheMainActor(engine, file)
      #expect(count == 10_000)
      thread.stop()
    }

    @MainActor private func onTheMainActor(_ engine: AIOEngine, _ file: TestFile) async throws
      -> Int
    {
      let count = try await engine.read(
        from: file.descriptor, at: 0, into: AIOBuffer(count: 10_000))
      MainActor.assertIsolated()
      return count
    }

    @Test(arguments: EngineCombination.all)
    func manyAtOnceEndWithTheirOwn(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let engine = loop.engine
      let file = try TestFile(count: 64 * 1_000)
      let matches = try loop.task {
        try await withThrowingTaskGroup(of: Bool.self) { group in
          for index in 0..<1_000 {
            group.addTask {
              let buffer = AIOBuffer(count: 64, alignment: 64)
              _ = try await engine.read(
                from: file.descriptor, at: Int64(64 * index), into: buffer)
              return Array(buffer.bytes) == Array(file.contents[64 * index..<64 * (index + 1)])
            }
          }
          return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
      }
      #expect(matches == 1_000)
    }

    /// Within the task's own memory: nothing from the heap.
    @Test(arguments: EngineCombination.all)
    func awaitingAReadAllocatesNothing(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let (engine, context) = (loop.engine, loop.context)
      let mainContext = loop.loop.mainContext
      let file = try TestFile(count: 4096)
      let iterate: () -> Void = {
        if let mainContext {
          mainContext.iteration(mayBlock: true)
        } else {
          context.poll(blocking: true)
        }
      }
      let outcome = context.run(iterate: iterate) { () -> Int in
        let buffer = AIOBuffer(count: 64)
        for _ in 0..<200 { _ = try await engine.read(from: file.descriptor, at: 0, into: buffer) }
        aiogs_test_count_allocations()
        for _ in 0..<1_000 {
          _ = try await engine.read(from: file.descriptor, at: 0, into: buffer)
        }
        return aiogs_test_stop_counting()
      }
      let count = try #require(outcome).get()
      if aiogs_test_can_count_allocations() { #expect(count == 0) }
    }

    @Test(arguments: EngineCombination.all)
    func aThreadPoolsJobIsAwaited(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pool = loop.context.threadPool
      let context = loop.context
      try loop.task {
        let isHome = try await pool.submit { context.isHomeThread }
        #expect(!isHome)
        #expect(context.isHomeThread)
        await #expect(throws: Errno.permissionDenied) {
          try await pool.submit { throw Errno.permissionDenied }
        }
      }
    }
  }
}
