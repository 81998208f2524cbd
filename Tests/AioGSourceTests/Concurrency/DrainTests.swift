// Draining a context: what is waited for, what is cancelled, and that it says which.

import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct DrainTests {
    private typealias Item = DrainState.Item

    private func item(_ name: String, _ generation: UInt32 = 0) -> Item {
      Item(address: 4096, generation: generation, name: name)
    }

    @Test func waitsWithoutALimitForWhatIsInFlight() {
      var state = DrainState(deadline: nil)
      #expect(state.look([item("read"), item("sleep")], now: 0) == .wait)
      #expect(state.look([item("sleep")], now: .max) == .wait)
      // One that begins meanwhile is waited for too.
      #expect(state.look([item("read", 1)], now: .max) == .wait)
      #expect(state.look([], now: .max) == .done)
      #expect(state.report.finished == ["read": 2, "sleep": 1])
      #expect(state.report.cancelled.isEmpty)
      #expect(state.report.description == "finished: 2 × read, 1 × sleep")
    }

    @Test func cancelsOnceAtTheLimit() {
      var state = DrainState(deadline: 100)
      #expect(state.look([item("read"), item("sleep")], now: 99) == .wait)
      #expect(state.look([item("sleep")], now: 100) == .cancel)
      #expect(state.look([item("sleep")], now: 101) == .wait)
      // Those that begin later are cancelled as well.
      #expect(state.look([item("sleep"), item("sleep", 1)], now: 102) == .cancel)
      #expect(state.look([], now: 103) == .done)
      #expect(state.report.finished == ["read": 1])
      #expect(state.report.cancelled == ["sleep": 2])
      #expect(state.report.description == "finished: 1 × read; cancelled: 2 × sleep")
    }

    @Test func nothingInFlightIsNothingToDo() {
      var state = DrainState(deadline: 0)
      #expect(state.look([], now: 0) == .done)
      #expect(state.report.isEmpty)
      #expect(state.report.description == "nothing was in flight")
    }

    @Test(arguments: EngineCombination.all)
    func aLoopIsDrained(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let (engine, context) = (loop.engine, loop.context)
      let file = try TestFile(count: 4096)
      let pipe = Pair.pipe()
      let outcomes = Log()
      let read: @Sendable (String) -> Void = { outcomes.add($0) }
      engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 4096)) {
        read("file \($0)")
      }
      Task(executorPreference: context.taskExecutor) {
        do throws(Errno) {
          try await context.sleep(for: .milliseconds(20))
          read("slept")
          _ = try await engine.read(from: pipe.reader, into: AIOBuffer(count: 1))
        } catch {
          read("pipe \(error == .canceled)")
        }
      }
      Task(executorPreference: context.taskExecutor) {
        do throws(Errno) {
          try await context.sleep(for: .seconds(1_000))
        } catch {
          read("woken \(error == .canceled)")
        }
      }
      context.threadPool.submit({ 1 }, completion: { _ in read("job") })
      loop.loop.iterate()
      let report = context.drain(waitingFor: .milliseconds(200))
      #expect(report.cancelled == ["read": 1, "sleep": 1])
      #expect(report.finished["sleep"] == 1)
      #expect(
        outcomes.value.sorted() == [
          "file success(4096)", "job", "pipe true", "slept", "woken true",
        ])
      #expect(context.drain(waitingFor: .zero).isEmpty)
    }

    @Test(arguments: EngineCombination.all)
    func aTaskDrainsItsContext(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let (engine, context) = (loop.engine, loop.context)
      let pipe = Pair.pipe()
      let report = try loop.task {
        let reading = Task(executorPreference: context.taskExecutor) {
          try await engine.read(from: pipe.reader, into: AIOBuffer(count: 1))
        }
        let sleeping = Task(executorPreference: context.taskExecutor) {
          try await context.sleep(for: .milliseconds(10))
        }
        await Task.yield()
        let report = await context.drained(waitingFor: .milliseconds(100))
        try await sleeping.value
        await #expect(throws: Errno.canceled) { try await reading.value }
        return report
      }
      #expect(report.cancelled == ["read": 1])
      #expect(report.finished == ["sleep": 1])
    }

    @Test(arguments: Combination.all)
    func aThreadIsShutDown(_ combination: Combination) async throws {
      let thread = try IOThread(
        name: "shut down", configuration: .init(monitor: .demanded(combination.monitor)))
      if combination.driver == .glib { _ = try thread.mainContext() }
      let context = thread.context
      let sleeping = Task { try await context.sleep(for: .seconds(1_000)) }
      let short = Task { try await context.sleep(for: .milliseconds(20)) }
      while await context.run({ context.sleepers.inFlight.count }) < 2 {
        await Task.yield()
      }
      let report = await thread.shutDown(waitingFor: .milliseconds(100))
      #expect(report.cancelled == ["sleep": 1])
      #expect(report.finished == ["sleep": 1])
      await #expect(throws: Errno.canceled) { try await sleeping.value }
      try await short.value
      #expect(!context.isHomeThread)
    }
  }
}
