// Contract 18: cancelling is asynchronous, reaches the kernel, and changes nothing about there being one completion.

import CLiburing
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct CancellationTests {
    /// Requests that wait for what never comes.
    private func waiting(
      _ loop: EngineLoop, _ pair: Pair, _ completion: @escaping AIOEngine.Completion
    )
      -> [AIORequest]
    {
      let buffer = AIOBuffer(count: 16)
      return [
        loop.engine.receive(on: pair.reader, into: buffer, completion: completion),
        loop.engine.read(from: pair.reader, into: buffer, completion: completion),
        loop.engine.poll(pair.reader, for: Int16(POLLIN), completion: completion),
        loop.engine.timeout(after: .seconds(1_000), completion: completion),
        loop.engine.receiveMessage(on: pair.reader, into: [buffer]) {
          completion($0.map { $0.count })
        },
      ]
    }

    @Test(arguments: EngineCombination.all)
    func cancellingReachesWhoeverHasTheRequest(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      let before = openDescriptors()
      let results = Box<[Result<Int, Errno>]>([])
      let requests = waiting(loop, pair) { result in results.update { $0.append(result) } }
      loop.loop.settle()
      #expect(results.value.isEmpty)
      for request in requests { request.cancel() }
      #expect(results.value.isEmpty, "a completion within cancel()")
      for request in requests { request.cancel() }
      #expect(loop.loop.run { results.value.count == requests.count })
      loop.loop.settle()
      #expect(results.value == Array(repeating: .failure(.canceled), count: requests.count))
      // Harmless now.
      for request in requests { request.cancel() }
      loop.loop.settle()
      #expect(results.value.count == requests.count)
      // No duplicate of a descriptor is left; the loop may have made an epoll set and a timerfd.
      #expect(openDescriptors() <= before + 2)
    }

    @Test(arguments: EngineCombination.all)
    func cancelAndWaitRunsTheLoopUntilTheCompletion(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      let results = Box<[Result<Int, Errno>]>([])
      let others = Counter()
      loop.context.schedule { others.increment() }
      for request in waiting(loop, pair, { result in results.update { $0.append(result) } }) {
        request.cancelAndWait()
        #expect(request.isFinished)
      }
      #expect(results.value == Array(repeating: .failure(.canceled), count: 5))
      #expect(others.value == 1)
    }

    @Test(arguments: EngineCombination.all)
    func aFinishedRequestKeepsItsResult(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(64))
      let outcome = Box<Result<Int, Errno>?>(nil)
      let request = loop.engine.write(to: file.descriptor, at: 0, from: AIOBuffer(count: 64)) {
        outcome.value = $0
      }
      // Carried out, by a worker of ours or of the kernel's, who may take its time on a busy machine, and not reported:
      // cancelling cannot undo it.
      let start = monotonicNow()
      while file.contents != [UInt8](repeating: 0, count: 64),
        monotonicNow() - start < 20_000_000_000
      { sleep(milliseconds: 1) }
      sleep(milliseconds: 30)
      request.cancelAndWait()
      #expect(outcome.value == .success(64))
    }

    @Test(arguments: EngineCombination.all)
    func aRequestIsCancelledBeforeAnybodyHasIt(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      let results = Box<[Result<Int, Errno>]>([])
      loop.engine.beginBatch()
      let requests = waiting(loop, pair) { result in results.update { $0.append(result) } }
      for request in requests { request.cancel() }
      loop.engine.endBatch()
      #expect(results.value.isEmpty)
      #expect(loop.loop.run { results.value.count == requests.count })
      #expect(results.value == Array(repeating: .failure(.canceled), count: requests.count))
    }

    @Test(arguments: EngineCombination.all)
    func anotherThreadMayCancel(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      let results = Box<[Result<Int, Errno>]>([])
      let requests = waiting(loop, pair) { result in results.update { $0.append(result) } }
      let thread = TestThread {
        sleep(milliseconds: 5)
        for request in requests { request.cancel() }
      }
      #expect(loop.loop.run { results.value.count == requests.count })
      thread.join()
      #expect(results.value == Array(repeating: .failure(.canceled), count: requests.count))
    }

    @Test(arguments: EngineCombination.all)
    func aHandleOfAnEarlierRequestTouchesNoLaterOne(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let file = try TemporaryFile(randomBytes(64))
      let pair = Pair.sockets()
      let old = Box<AIORequest?>(nil)
      let first = try loop.await { completion in
        let request = loop.engine.read(
          from: file.descriptor, at: 0, into: AIOBuffer(count: 64), completion: completion)
        old.value = request
        return request
      }
      #expect(first == .success(64))
      let outcome = Box<Result<Int, Errno>?>(nil)
      // The same node, used again.
      let later = loop.engine.receive(on: pair.reader, into: AIOBuffer(count: 1)) {
        outcome.value = $0
      }
      #expect(later.node == old.value?.node)
      old.value?.cancel()
      loop.loop.settle()
      #expect(outcome.value == nil && !later.isFinished)
      pair.write()
      #expect(loop.loop.run { outcome.value != nil })
      #expect(outcome.value == .success(1))
    }

    @Test(arguments: EngineCombination.all)
    func theBufferStaysUntilTheCompletion(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      final class Held: @unchecked Sendable { weak var buffer: AIOBuffer? }
      let held = Held()
      let wasThere = Flag()
      func start() -> AIORequest {
        let buffer = AIOBuffer(count: 16)
        held.buffer = buffer
        return loop.engine.receive(on: pair.reader, into: buffer) { _ in
          if held.buffer != nil { wasThere.set() }
        }
      }
      let request = start()
      loop.loop.settle()
      #expect(held.buffer != nil)
      request.cancel()
      #expect(held.buffer != nil)
      request.cancelAndWait()
      #expect(wasThere.isSet)
      #expect(held.buffer == nil)
    }
  }
}
