// An actor on a context awaits the context's operations and stays on it, be its task's preference what it may.

import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct ActorAwaitTests {
    @Test(arguments: EngineCombination.all)
    func anActorNeedsNoPreference(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let actor = Awaiting(loop.engine, on: loop.context, file: try TestFile(count: 4096))
      let failure = Box<(any Error)?>(nil)
      let isOver = Flag()
      Task {
        do {
          try await actor.awaitAll()
        } catch {
          failure.value = error
        }
        // The task is on another thread here, and the loop asleep.
        actor.context.schedule { isOver.set() }
      }
      #expect(loop.loop.run { isOver.isSet })
      #expect(failure.value == nil)
    }
  }
}

private actor Awaiting {
  let engine: AIOEngine
  let context: AioContext
  let file: TestFile
  let listener = try! Listener()
  let pipe = Pair.pipe()

  nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }

  init(_ engine: AIOEngine, on context: AioContext, file: TestFile) {
    self.engine = engine
    self.context = context
    self.file = file
  }

  func awaitAll() async throws {
    let buffer = AIOBuffer(count: 4096)
    #expect(try await engine.read(from: file.descriptor, at: 0, into: buffer) == 4096)
    preconditionIsolated()
    #expect(Array(buffer.bytes) == file.contents)
    #expect(try await context.write(to: pipe.writer, from: buffer, range: 0..<10) == 10)
    try await context.readable(pipe.reader)
    preconditionIsolated()
    let client = try Listener.socket()
    try await engine.connect(client, to: listener.address)
    try await engine.close(engine.accept(on: listener.descriptor).descriptor)
    try await engine.close(client)
    preconditionIsolated()
    try await context.sleep(for: .milliseconds(1))
    preconditionIsolated()
    for await _ in context.ticks(every: .milliseconds(1)) { break }
    preconditionIsolated()
    #expect(try await context.threadPool.submit { 1 } == 1)
    preconditionIsolated()
    // And with a preference for somewhere else.
    let elsewhere = TestExecutor()
    elsewhere.startThread()
    let count = await withTaskExecutorPreference(elsewhere) {
      await self.readAgain()
    }
    #expect(count == 4096)
    elsewhere.stopThread()
  }

  private func readAgain() async -> Int? {
    let count = try? await engine.read(
      from: file.descriptor, at: 0, into: AIOBuffer(count: 4096))
    preconditionIsolated()
    return count
  }
}
