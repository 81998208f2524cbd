// What outlives what: requests their handles, buffers their requests, and none of them a context in silence. Contract 2.3,
// 18, 19.7.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct RequestLifetimeTests {
    @Test(arguments: EngineCombination.all)
    func aHandleMayOutliveItsContext(_ combination: EngineCombination) throws {
      func request() throws -> AIORequest {
        let loop = try EngineLoop(combination)
        let file = try TemporaryFile(randomBytes(64))
        let done = Flag()
        let request = loop.engine.read(from: file.descriptor, at: 0, into: AIOBuffer(count: 64)) {
          _ in done.set()
        }
        #expect(request.context === loop.context)
        #expect(loop.loop.run { done.isSet })
        return request
      }
      let request = try request()
      #expect(request.isFinished)
      #expect(request.context == nil)
      request.cancel()
      request.cancelAndWait()
    }

    @Test(arguments: AIOEngine.Kind.allCases)
    func aContextThatGoesWithARequestUnderWaySaysSo(_ kind: AIOEngine.Kind) async {
      guard EngineCombination.engines.contains(kind) else { return }
      let name = kind.rawValue
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) { [name = name as String] in
        func leave() throws {
          let context = try AioContext(name: "left")
          let engine = try context.engine(AIOEngine.Kind(rawValue: name)!)
          let pair = Pair.sockets()
          // Open for longer than the context is there.
          _ = Unmanaged.passRetained(pair)
          engine.receive(on: pair.reader, into: AIOBuffer(count: 1)) { result in
            // Cancelled, and completed all the same.
            if result == .failure(.canceled) { write(2, "completed; ", 11) }
          }
        }
        try leave()
      }
      expectSentence("completed; ", in: result)
      expectSentence(
        "AioContext 'left' was destroyed while a request (receive) is under way", in: result)
    }

    @Test(arguments: EngineCombination.all)
    func aContextMayGoWithResultsThatWereNotReported(_ combination: EngineCombination) throws {
      let file = try TemporaryFile(randomBytes(64))
      let done = Counter()
      do {
        let loop = try EngineLoop(combination)
        for _ in 0..<3 {
          let request = loop.engine.read(
            from: file.descriptor, at: 0, into: AIOBuffer(count: 64)
          ) { _ in done.increment() }
          request.cancelAndWait()
        }
      }
      #expect(done.value == 3)
    }

    @Test func cancellingAFinishedRequestFromAnotherThreadLeavesNothingBehind() async {
      await #expect(processExitsWith: .success) {
        let context = try AioContext()
        let request = context.io.timeout(after: .zero) { _ in }
        while !request.isFinished { context.poll(blocking: true) }
        let thread = TestThread { request.cancel() }
        thread.join()
        context.releaseHomeThread()
      }
    }

    @Test(arguments: AIOEngine.Kind.allCases)
    func anEngineAfterItsContextTraps(_ kind: AIOEngine.Kind) async {
      guard EngineCombination.engines.contains(kind) else { return }
      let name = kind.rawValue
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) { [name = name as String] in
        func engine() throws -> AIOEngine {
          try AioContext().engine(AIOEngine.Kind(rawValue: name)!)
        }
        let engine = try engine()
        engine.timeout(after: .zero) { _ in }
      }
      expectSentence("was called after its AioContext was destroyed", in: result)
    }

    /// The kernel cancels the requests of a thread that ends: they are the next home thread's to report.
    @Test func anIOThreadThatStopsLeavesItsRequestsToItsSuccessor() throws {
      for kind in EngineCombination.engines {
        let thread = try IOThread(name: "stopping", configuration: .init())
        let context = thread.context
        let pair = Pair.sockets()
        let made = Flag()
        let outcome = Box<Result<Int, Errno>?>(nil)
        let request = Box<AIORequest?>(nil)
        context.schedule {
          let engine = try! context.engine(kind)
          request.value = engine.receive(on: pair.reader, into: AIOBuffer(count: 1)) {
            outcome.value = $0
          }
          made.set()
        }
        while !made.isSet { sleep(milliseconds: 1) }
        sleep(milliseconds: 5)
        thread.stop()
        request.value?.cancelAndWait()
        #expect(outcome.value == .failure(.canceled))
      }
    }

    @Test(arguments: EngineCombination.all)
    func requestsSurviveALoopThatChangesItsMonitor(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      let done = Counter()
      loop.engine.receive(on: pair.reader, into: AIOBuffer(count: 1)) { _ in done.increment() }
      loop.loop.settle()
      // As if the kernel had refused the ring, or the set, for good.
      loop.context.activeMonitor.failure = .ioError
      loop.context.poll(blocking: false)
      #expect(loop.context.monitor != .ioURing)
      pair.write("xy")
      for _ in 0..<100 where done.value == 0 { loop.context.poll(blocking: true) }
      #expect(done.value == 1)
      loop.engine.receive(on: pair.reader, into: AIOBuffer(count: 1)) { _ in done.increment() }
      for _ in 0..<100 where done.value == 1 { loop.context.poll(blocking: true) }
      #expect(done.value == 2)
    }

    /// A ring that requests use lives on when its monitor is replaced; what the monitor had asked for holds files open.
    @Test(arguments: EngineCombination.all)
    func aMonitorThatIsReplacedLetsGoOfItsFiles(_ combination: EngineCombination) throws {
      let loop = try EngineLoop(combination)
      let pair = Pair.sockets()
      try loop.context.setHandler(for: pair.reader, onReadable: {})
      loop.loop.settle()
      loop.context.activeMonitor.failure = .ioError
      loop.context.poll(blocking: false)
      loop.context.removeHandler(for: pair.reader)
      pair.closeReader()
      var record = pollfd(fd: pair.writer.rawValue, events: Int16(POLLOUT), revents: 0)
      for _ in 0..<1_000 where Int32(record.revents) & POLLHUP == 0 {
        loop.context.poll(blocking: false)
        sleep(milliseconds: 1)
        Glibc.poll(&record, 1, 0)
      }
      #expect(Int32(record.revents) & POLLHUP != 0)
    }
  }
}
