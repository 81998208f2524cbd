// Contract 3.6, 6.4, 6.5: nested passes and readiness.

import AioGSource
import Glibc
import Testing

extension AllTests {
  @Suite struct NestingTests {
    @Test(arguments: Combination.all)
    func aNestedPassServesWhatTheOuterOneFound(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pairs = (0..<3).map { _ in Pair.pipe() }
      let context = loop.context
      let depth = Counter()
      let served = Counter()
      let servedInside = Box(-1)
      for pair in pairs {
        try context.setHandler(
          for: pair.reader,
          onReadable: {
            pair.drain()
            served.increment()
            if depth.increment() == 1 {
              context.poll(blocking: false)
              servedInside.value = served.value
            }
          })
      }
      loop.settle()
      for pair in pairs { pair.write() }
      loop.settle()
      // All three by the end of the nested pass, and each once in all.
      #expect(servedInside.value == 3)
      #expect(served.value == 3)
      for pair in pairs { context.removeHandler(for: pair.reader) }
    }

    @Test(arguments: Combination.all)
    func aNestedWaitDoesNotSleepOnReadinessFoundOutside(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let first = Pair.pipe()
      let second = Pair.pipe()
      let context = loop.context
      let log = Log()
      for (name, mine, other) in [("a", first, "b"), ("b", second, "a")] {
        try context.setHandler(
          for: mine.reader,
          onReadable: {
            mine.drain()
            log.add(name)
            // Whichever comes first waits for the other.
            while !log.value.contains(other) { context.poll(blocking: true) }
          })
      }
      loop.settle()
      first.write()
      second.write()
      let start = monotonicNow()
      loop.settle()
      #expect(Set(log.value) == ["a", "b"])
      #expect(log.value.count == 2)
      #expect(monotonicNow() - start < 1_000_000_000)
      context.removeHandler(for: first.reader)
      context.removeHandler(for: second.reader)
    }

    @Test(arguments: Combination.all)
    func passesNestInEveryKindOfCallback(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let pair = Pair.pipe()
      let log = Log()
      let inner = { @Sendable (name: String) in
        let ran = Flag()
        context.schedule { ran.set() }
        while !ran.isSet { context.poll(blocking: true) }
        log.add(name)
      }
      try context.setHandler(
        for: pair.reader,
        onReadable: {
          pair.drain()
          inner("handler")
        })
      let timer = context.makeTimer { inner("timer") }
      loop.settle()
      pair.write()
      timer.arm(at: 0)
      context.schedule { inner("bottom half") }
      #expect(loop.run(limit: .seconds(5)) { log.value.count == 3 })
      #expect(Set(log.value) == ["bottom half", "handler", "timer"])
      context.removeHandler(for: pair.reader)
    }

    @Test(arguments: Combination.all)
    func deepNestingReturnsInOrder(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log()
      let handle = Box<BottomHalf?>(nil)
      handle.value = context.makeBottomHalf {
        let level = log.value.count
        log.add("in \(level)")
        if level < 20 {
          handle.value?.schedule()
          context.poll(blocking: true)
        }
        log.add("out \(level)")
      }
      handle.value?.schedule()
      loop.settle()
      #expect(log.value == (0...20).map { "in \($0)" } + (0...20).reversed().map { "out \($0)" })
      handle.value = nil
    }
  }
}
