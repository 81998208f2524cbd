// Contract 2.5, 3, issue item 3: the context inside GLib.

import AioGSource
import CGLib
import Glibc
import Testing

extension AllTests {
  @Suite struct AttachmentTests {
    static let glib = Combination.all.filter { $0.driver == .glib }

    private func context(_ combination: Combination) throws -> AioContext {
      Tally.count(combination)
      return try AioContext(
        name: "attached", configuration: .init(monitor: .demanded(combination.monitor)))
    }

    @Test(arguments: glib)
    func theSourceMayBeAttachedByHand(_ combination: Combination) throws {
      let context = try context(combination)
      let mainContext = MainContext()
      let source = context.gSource
      g_source_attach(source, mainContext.pointer)
      g_source_unref(source)
      #expect(context.isAttached)
      let ran = Counter()
      context.schedule { ran.increment() }
      #expect(mainContext.iteration(mayBlock: true))
      #expect(ran.value == 1)
      #expect(throws: AioError.alreadyAttached) { try context.attach(to: mainContext) }
      context.detach()
      context.detach()
      #expect(!context.isAttached)
      context.schedule { ran.increment() }
      #expect(!mainContext.iteration(mayBlock: false))
      #expect(context.poll(blocking: true))
    }

    @Test(arguments: glib)
    func attachedItOutlivesItsOwnerUntilTheSourceIsDestroyed(_ combination: Combination) throws {
      weak var observed: AioContext?
      let mainContext = MainContext()
      let ran = Counter()
      var source: UnsafeMutablePointer<GSource>?
      do {
        let context = try context(combination)
        observed = context
        try context.attach(to: mainContext)
        context.schedule { ran.increment() }
        source = context.gSource
        g_source_unref(source)
      }
      #expect(observed != nil)
      mainContext.iteration(mayBlock: false)
      #expect(ran.value == 1)
      g_source_destroy(source)
      #expect(observed == nil)
    }

    @Test(arguments: glib)
    func theMainContextsEndEndsItToo(_ combination: Combination) throws {
      weak var observed: AioContext?
      let pair = Pair.pipe()
      do {
        let mainContext = MainContext()
        do {
          let context = try context(combination)
          observed = context
          try context.attach(to: mainContext)
          try context.setHandler(for: pair.reader, onReadable: {})
          mainContext.iteration(mayBlock: false)
          context.removeHandler(for: pair.reader)
        }
        #expect(observed != nil)
      }
      #expect(observed == nil)
    }

    @Test(arguments: glib)
    func attachingAgainMakesANewSource(_ combination: Combination) throws {
      let context = try context(combination)
      let notifier = try EventNotifier()
      let calls = Counter()
      try context.setHandler(
        for: notifier,
        onReadable: {
          $0.testAndClear()
          calls.increment()
        })
      for round in 1...5 {
        let mainContext = MainContext()
        try context.attach(to: mainContext)
        try notifier.set()
        for _ in 0..<3 { mainContext.iteration(mayBlock: false) }
        #expect(calls.value == round)
        context.detach()
      }
      context.removeHandler(for: notifier)
    }

    @Test(arguments: glib)
    func anUnattachedSourceIsNotACycle(_ combination: Combination) throws {
      weak var observed: AioContext?
      do {
        let context = try context(combination)
        observed = context
        let source = context.gSource
        g_source_unref(source)
        let another = context.gSource
        g_source_unref(another)
      }
      #expect(observed == nil)
    }

    @Test(arguments: glib)
    func destroyedInItsOwnDispatchItEndsCleanly(_ combination: Combination) throws {
      let mainContext = MainContext()
      let context = try context(combination)
      let pair = Pair.pipe()
      let calls = Counter()
      try context.attach(to: mainContext)
      try context.setHandler(
        for: pair.reader,
        onReadable: {
          calls.increment()
          context.detach()
        })
      pair.write()
      for _ in 0..<5 { mainContext.iteration(mayBlock: false) }
      #expect(calls.value == 1)
      context.removeHandler(for: pair.reader)
    }

    @Test(arguments: glib)
    func anotherThreadMayDestroyTheSource(_ combination: Combination) throws {
      for _ in 0..<50 {
        let mainContext = MainContext()
        let context = try context(combination)
        let notifiers = try (0..<4).map { _ in try EventNotifier(active: true) }
        for notifier in notifiers { try context.setHandler(for: notifier, onReadable: { _ in }) }
        try context.attach(to: mainContext)
        let thread = TestThread { context.detach() }
        while context.isAttached { mainContext.iteration(mayBlock: false) }
        thread.join()
        mainContext.iteration(mayBlock: false)
        for notifier in notifiers { context.removeHandler(for: notifier) }
      }
    }

    @Test(arguments: glib)
    func aMainLoopNestedInACallbackServesTheContext(_ combination: Combination) throws {
      let mainContext = MainContext()
      let context = try context(combination)
      try context.attach(to: mainContext)
      let outer = MainLoop(mainContext)
      let inner = MainLoop(mainContext)
      let log = Log()
      let pair = Pair.pipe()
      try context.setHandler(
        for: pair.reader,
        onReadable: {
          pair.drain()
          log.add("handler")
          inner.quit()
        })
      let timer = context.makeTimer {
        log.add("timer")
        pair.write()
      }
      context.schedule {
        log.add("in")
        timer.arm(after: .milliseconds(1))
        inner.run()
        log.add("out")
        outer.quit()
      }
      outer.run()
      #expect(log.value == ["in", "timer", "handler", "out"])
      context.removeHandler(for: pair.reader)
      context.detach()
    }

    @Test(arguments: glib)
    func pollingAndIteratingAlternate(_ combination: Combination) throws {
      let mainContext = MainContext()
      let context = try context(combination)
      try context.attach(to: mainContext)
      let pair = Pair.pipe()
      let log = Log()
      try context.setHandler(
        for: pair.reader,
        onReadable: {
          pair.drain()
          log.add("handler")
        })
      for round in 1...20 {
        let timer = context.makeTimer { log.add("timer") }
        pair.write()
        timer.arm(at: 0)
        context.schedule { log.add("bottom half") }
        if round % 2 == 0 {
          context.poll(blocking: true)
        } else {
          mainContext.iteration(mayBlock: true)
        }
        for _ in 0..<3 where log.value.count < round * 3 {
          mainContext.iteration(mayBlock: false)
        }
        #expect(log.value.count == round * 3)
      }
      context.removeHandler(for: pair.reader)
      context.detach()
    }

    @Test(arguments: glib)
    func priorityIsGLibs(_ combination: Combination) throws {
      let mainContext = MainContext()
      let urgent = try context(combination)
      let patient = try context(combination)
      try patient.attach(to: mainContext, priority: G_PRIORITY_LOW)
      try urgent.attach(to: mainContext, priority: G_PRIORITY_HIGH)
      let log = Log()
      patient.schedule { log.add("patient") }
      urgent.schedule { log.add("urgent") }
      mainContext.iteration(mayBlock: false)
      #expect(log.value == ["urgent"])
      mainContext.iteration(mayBlock: false)
      #expect(log.value == ["urgent", "patient"])
      urgent.detach()
      patient.detach()
    }

    @Test(arguments: glib)
    func contextsNestBesideOtherSourcesInTheDefaultContext(_ combination: Combination) throws {
      let contexts = [try context(combination), try context(combination)]
      let log = Log()
      for context in contexts { try context.attach() }
      let idle = g_idle_source_new()!
      let box = Unmanaged.passRetained(log)
      g_source_set_callback(
        idle,
        { data in
          Unmanaged<Log>.fromOpaque(data!).takeUnretainedValue().add("idle")
          return 0
        }, box.toOpaque(), { Unmanaged<Log>.fromOpaque($0!).release() })
      g_source_attach(idle, nil)
      g_source_unref(idle)
      contexts[0].schedule {
        log.add("first, current: \(AioContext.current === contexts[0])")
        contexts[1].schedule { log.add("second, current: \(AioContext.current === contexts[1])") }
      }
      for _ in 0..<10 { MainContext.default.iteration(mayBlock: false) }
      #expect(
        log.value == ["first, current: true", "second, current: true", "idle"]
          || log.value == ["first, current: true", "idle", "second, current: true"])
      for context in contexts { context.detach() }
    }

    @Test(arguments: Combination.all)
    func theSeedsThreeDriveALoopOfTheCallersOwn(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let inner = try EventNotifier()
      let external = try EventNotifier()
      let log = Log()
      try context.setHandler(
        for: inner,
        onReadable: {
          $0.testAndClear()
          log.add("inner")
        })
      try context.setHandler(
        for: external, isExternal: true,
        onReadable: {
          $0.testAndClear()
          log.add("external")
        })
      context.dispatch()
      #expect(!context.prepare())
      #expect(!context.isPending)
      context.disableExternalClients()
      try external.set()
      #expect(!context.isPending)
      context.enableExternalClients()
      #expect(context.isPending)
      try inner.set()
      #expect(context.isPending)
      context.dispatch()
      #expect(Set(log.value) == ["inner", "external"])
      #expect(!context.isPending)
      context.removeHandler(for: inner)
      context.removeHandler(for: external)
    }
  }
}
