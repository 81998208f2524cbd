// The code of the guides TheLoop, AttachingToGLib and BottomHalves, between the marks, and that it does what they say.

import CGLib
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct LoopGuideTests {
    @Test(arguments: Combination.all)
    func aPassServesItsFiveKindsInOrder(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.settle()
      let pipe = Pair.pipe()
      let reader = pipe.reader
      pipe.write()
      let log = Log([])
      let print: @Sendable (String) -> Void = { line in log.update { $0.append(line) } }
      let timer = context.makeTimer { print("timer") }
      // snippet
      try context.setHandler(
        for: reader,
        onReadable: {
          print("handler")
          context.removeHandler(for: reader)
        })
      timer.arm(after: .zero)
      Task(executorPreference: context.taskExecutor) { print("job") }
      context.schedule { print("bottom half") }
      // end of snippet
      #expect(loop.run { log.value.count == 4 })
      #expect(log.value == ["bottom half", "handler", "timer", "job"])
    }

    @Test func aContextIsAttachedAndDetached() throws {
      let context = try AioContext(name: "attached")
      let count = Counter()
      context.schedule { count.increment() }
      let isDone = { count.value == 1 }
      // snippet
      let mainContext = MainContext()
      try context.attach(to: mainContext, priority: G_PRIORITY_HIGH)
      while !isDone() { mainContext.iteration(mayBlock: true) }
      context.detach()
      // end of snippet
      #expect(!context.isAttached)
      try context.attach()
      #expect(throws: AioError.alreadyAttached) { try context.attach() }
      context.detach()
    }

    @Test func aSourceIsAttachedByOtherHands() throws {
      let context = try AioContext(name: "plain")
      let mainContext = MainContext()
      // snippet
      let source = context.gSource  // with a reference, which is ours to give back
      g_source_set_priority(source, G_PRIORITY_HIGH)
      g_source_attach(source, mainContext.pointer)
      g_source_unref(source)
      // end of snippet
      let count = Counter()
      context.schedule { count.increment() }
      while count.value == 0 { mainContext.iteration(mayBlock: true) }
      #expect(context.isAttached)
      // Destroyed by other hands too; then it makes a new one.
      g_source_destroy(source)
      #expect(!context.isAttached)
      try context.attach(to: mainContext)
      context.detach()
    }

    @Test(arguments: Combination.all)
    func aBottomHalfRunsOnceHoweverOften(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log([])
      let print: @Sendable (String) -> Void = { line in log.update { $0.append(line) } }
      // snippet
      let redraw = context.makeBottomHalf(name: "redraw") { print("redrawn") }
      for _ in 1...3 { redraw.schedule() }  // it runs once
      // end of snippet
      loop.settle()
      #expect(log.value == ["redrawn"])
      // snippet
      context.schedule { print("on the loop's thread") }
      // end of snippet
      loop.settle()
      #expect(log.value == ["redrawn", "on the loop's thread"])
      redraw.delete()
    }

    @Test(arguments: Combination.all)
    func anIdleBottomHalfRunsInTheEnd(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.settle()
      let log = Log([])
      let print: @Sendable (String) -> Void = { line in log.update { $0.append(line) } }
      // snippet
      let tidy = context.makeBottomHalf(name: "tidy") { print("tidied up") }
      tidy.scheduleIdle()
      // end of snippet
      while log.value.isEmpty {
        let progress = loop.iterate(blocking: true)
        if combination.driver == .poll { #expect(!progress) }
      }
      #expect(log.value == ["tidied up"])
      tidy.delete()
    }

    @Test(arguments: Combination.all)
    func theSeedsWayIsOursToo(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log([])
      let print: @Sendable (String) -> Void = { line in log.update { $0.append(line) } }
      let isDone = { !log.value.isEmpty }
      // snippet
      let bottomHalf = context.makeBottomHalf(name: "done") { print("done") }  // aio_bh_new
      bottomHalf.schedule()  // qemu_bh_schedule
      while !isDone() { context.poll(blocking: true) }  // aio_poll
      bottomHalf.delete()  // qemu_bh_delete
      // end of snippet
      #expect(log.value == ["done"])
    }

    @Test(arguments: Combination.all)
    func aWorkerTellsOfItsProgress(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log([])
      let print: @Sendable (String) -> Void = { line in log.update { $0.append(line) } }
      let thread = try IOThread(name: "worker")
      let worker: (@escaping @Sendable () -> Void) -> Void = { thread.context.schedule($0) }
      // snippet
      let progress = context.makeBottomHalf(name: "progress") { print("on the main thread") }
      worker { progress.schedule() }  // any thread
      // end of snippet
      #expect(loop.run { !log.value.isEmpty })
      #expect(log.value == ["on the main thread"])
      thread.stop()
      progress.delete()
    }
  }
}
