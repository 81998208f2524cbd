// The thin wrappers: they share what other bindings hold.

import AioGSource
import CGLib
import Testing

extension AllTests {
  @Suite struct MainLoopTests {
    @Test func theDefaultContextIsGLibs() {
      #expect(MainContext.default.pointer == g_main_context_default())
    }

    @Test func aLoopRunsUntilToldToQuit() throws {
      let mainContext = MainContext()
      let loop = MainLoop(mainContext)
      let context = try AioContext()
      try context.attach(to: mainContext)
      let wasRunning = Flag()
      context.schedule {
        if loop.isRunning { wasRunning.set() }
        loop.quit()
      }
      loop.run()
      #expect(wasRunning.isSet)
      #expect(!loop.isRunning)
      #expect(loop.context.pointer == mainContext.pointer)
      context.detach()
    }

    @Test func othersPointersAreSharedAndKept() {
      let foreign = g_main_loop_new(nil, 0)!
      let loop = MainLoop(retaining: foreign)
      g_main_loop_unref(foreign)
      #expect(loop.context.pointer == g_main_context_default())
      let pointer = g_main_context_new()!
      let context = MainContext(retaining: pointer)
      g_main_context_unref(pointer)
      #expect(!context.isPending)
      #expect(!context.iteration(mayBlock: false))
    }

    @Test func theThreadDefaultContextIsPushedForAWhile() {
      let mainContext = MainContext()
      TestThread {
        mainContext.withThreadDefault {
          precondition(MainContext.threadDefault.pointer == mainContext.pointer)
        }
        precondition(MainContext.threadDefault.pointer == g_main_context_default())
      }.join()
    }

    @Test func wakingUpEndsAnIteration() {
      let mainContext = MainContext()
      let thread = TestThread {
        sleep(milliseconds: 10)
        mainContext.wakeUp()
      }
      let start = monotonicNow()
      mainContext.iteration(mayBlock: true)
      #expect(monotonicNow() - start < 1_000_000_000)
      thread.join()
    }
  }
}
