// Contract 1, 15: one home thread, the current context, the ownership lock.

import AioGSource
import Testing

extension AllTests {
  @Suite struct HomeThreadTests {
    @Test(arguments: Combination.all)
    func theRunningContextIsCurrent(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let seen = Box<Bool?>(nil)
      context.schedule { seen.value = AioContext.current === context }
      loop.iterate()
      #expect(seen.value == true)
      #expect(AioContext.current === context)
      #expect(context.isHomeThread)
    }

    @Test(arguments: Combination.all)
    func aForeignThreadHasNoCurrentContext(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      loop.settle()
      let isNil = Flag()
      let isForeign = Flag()
      TestThread {
        if AioContext.current == nil { isNil.set() }
        if !loop.context.isHomeThread { isForeign.set() }
      }.join()
      #expect(isNil.isSet)
      #expect(isForeign.isSet)
    }

    @Test(arguments: Combination.all)
    func ofTwoNestedContextsTheInnerOneIsCurrent(_ combination: Combination) throws {
      let outer = try TestLoop(combination)
      let inner = try TestLoop(combination)
      let log = Log()
      let name = { @Sendable in
        AioContext.current === outer.context
          ? "outer" : AioContext.current === inner.context ? "inner" : "none"
      }
      outer.context.schedule {
        log.add(name())
        inner.context.schedule { log.add(name()) }
        inner.context.poll(blocking: true)
        log.add(name())
      }
      outer.iterate()
      #expect(log.value == ["outer", "inner", "outer"])
    }

    @Test func releasedTheHomeThreadMayBeAnother() throws {
      let context = try AioContext()
      context.poll(blocking: false)
      context.releaseHomeThread()
      #expect(AioContext.current == nil)
      let ran = Counter()
      context.schedule { ran.increment() }
      TestThread {
        context.poll(blocking: true)
        if AioContext.current === context { ran.increment() }
        context.releaseHomeThread()
      }.join()
      #expect(ran.value == 2)
      context.poll(blocking: false)
    }

    @Test func pollingFromAnotherThreadTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let context = try AioContext(name: "mine")
        context.poll(blocking: false)
        TestThread { context.poll(blocking: false) }.join()
      }
      expectSentence(
        "of AioContext 'mine' was called by another thread than its home thread", in: result)
    }

    @Test(arguments: Combination.all)
    func theOwnershipLockIsRecursiveAndExcludes(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      final class Payload: @unchecked Sendable { var value = 0 }
      let payload = Payload()
      let threads = (0..<4).map { _ in
        TestThread {
          for _ in 0..<1_000 {
            context.acquire()
            context.withAcquired { payload.value += 1 }
            context.release()
          }
        }
      }
      for thread in threads { thread.join() }
      #expect(payload.value == 4_000)
      // Running the context does not take it.
      context.acquire()
      TestThread { context.schedule {} }.join()
      loop.iterate()
      context.release()
    }

    @Test func releasingWhatOneDoesNotHoldTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        try AioContext().release()
      }
      expectSentence("a lock was released by a thread that does not hold it", in: result)
    }
  }
}
