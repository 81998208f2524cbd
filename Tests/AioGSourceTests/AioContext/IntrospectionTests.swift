// What a context tells about itself.

import AioGSource
import Testing

extension AllTests {
  @Suite struct IntrospectionTests {
    @Test(arguments: Combination.all)
    func statisticsCountWhatHappened(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let notifier = try EventNotifier()
      try context.setHandler(for: notifier, onReadable: { $0.testAndClear() })
      let timer = context.makeTimer {}
      loop.settle()
      let before = context.statistics
      #expect(before.handlers == 1)
      #expect(before.timers == 0)
      context.schedule {}
      context.schedule {}
      try notifier.set()
      timer.arm(at: 0)
      #expect(context.statistics.timers == 1)
      loop.settle()
      let after = context.statistics
      #expect(after.bottomHalvesRun - before.bottomHalvesRun == 2)
      #expect(after.handlersRun - before.handlersRun >= 1)
      #expect(after.timersRun - before.timersRun == 1)
      #expect(after.timers == 0)
      #expect(after.passes > before.passes)
      #expect(after.wakeUpsSkipped > before.wakeUpsSkipped)
      if combination.driver == .glib { #expect(after.iterations > before.iterations) }
      context.removeHandler(for: notifier)
      #expect(context.statistics.handlers == 0)
    }

    @Test(arguments: Combination.all)
    func theDebugDescriptionNamesEverything(_ combination: Combination) throws {
      let loop = try TestLoop(combination, name: "named")
      let context = loop.context
      let pair = Pair.pipe()
      try context.setHandler(
        for: pair.reader, isExternal: true, onReadable: {}, onWritable: {}, poll: { false })
      let bottomHalf = context.makeBottomHalf(name: "flush") {}
      let idle = context.makeBottomHalf(name: "sweep") {}
      idle.scheduleIdle()
      context.schedule(name: "once") {}
      let timer = context.makeTimer(name: "retry") {}
      timer.arm(after: .seconds(5))
      let lines = context.debugDescription.split(separator: "\n").map(String.init)
      #expect(lines.first == "AioContext 'named' (\(combination.monitor))")
      #expect(
        lines.contains(
          "  handler of fd \(pair.reader.rawValue): readable, writable, polled, external"))
      #expect(lines.contains("  bottom half 'flush': not scheduled"))
      #expect(lines.contains("  bottom half 'sweep': scheduled idle"))
      #expect(lines.contains("  bottom half 'once': one-shot, scheduled"))
      #expect(lines.contains { $0.hasPrefix("  timer 'retry': due in ") })
      #expect(lines.count == 6)
      timer.cancel()
      context.removeHandler(for: pair.reader)
      loop.settle()
      withExtendedLifetime(bottomHalf) {}
    }

    @Test(arguments: Combination.all)
    func theSourceCarriesTheName(_ combination: Combination) throws {
      let loop = try TestLoop(combination, name: "named")
      let source = loop.context.gSource
      #expect(sourceName(source) == "AioContext named")
      release(source)
    }
  }
}
