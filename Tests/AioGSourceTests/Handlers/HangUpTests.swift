// Contract 6.3, H13: hang-ups, errors and closed descriptors reach a callback, and never keep the loop awake unheard.

import AioGSource
import CTestSupport
import Glibc
import Testing

extension AllTests {
  @Suite struct HangUpTests {
    @Test(arguments: Combination.all)
    func aReaderHearsOfTheEnd(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.pipe()
      let context = loop.context
      let ended = Flag()
      try context.setHandler(
        for: pair.reader,
        onReadable: {
          if pair.drain() == 0 {
            ended.set()
            context.removeHandler(for: pair.reader)
          }
        })
      loop.settle()
      pair.closeWriter()
      #expect(loop.run(limit: .seconds(5)) { ended.isSet })
    }

    private func expectTheWriterToHearOfTheEnd(_ pair: Pair, _ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let calls = Counter()
      pair.fill()
      try context.setHandler(
        for: pair.writer,
        onWritable: {
          calls.increment()
          context.removeHandler(for: pair.writer)
        })
      loop.settle()
      #expect(calls.value == 0)
      pair.closeReader()
      #expect(loop.run(limit: .seconds(5)) { calls.value == 1 })
    }

    @Test(arguments: Combination.all)
    func aWriterHearsOfTheEndWhereThereIsNoReader(_ combination: Combination) throws {
      try expectTheWriterToHearOfTheEnd(.sockets(), combination)
    }

    @Test(arguments: Combination.all)
    func aWriterOfAPipeWithoutReaderHearsOfIt(_ combination: Combination) throws {
      try expectTheWriterToHearOfTheEnd(.pipe(), combination)
    }

    @Test(arguments: Combination.all)
    func aHandlerThatIsOnlyPolledIsNotWokenByAHangUp(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.sockets()
      try loop.context.setHandler(for: pair.reader, poll: { false })
      pair.closeWriter()
      loop.settle()
      let before = loop.context.statistics.passes
      let timer = loop.context.makeTimer {}
      timer.arm(after: .milliseconds(50))
      loop.run(limit: .seconds(5)) { !timer.isPending }
      #expect(loop.context.statistics.passes - before < 6)
      loop.context.removeHandler(for: pair.reader)
    }

    @Test(arguments: Combination.all)
    func aDescriptorClosedUnderItsHandlerDoesNotKeepTheLoopAwake(_ combination: Combination) throws
    {
      let loop = try TestLoop(combination)
      let pair = Pair.pipe()
      let calls = Counter()
      let descriptor = pair.reader
      // External ones are resumed when they are enabled, but not those.
      try loop.context.setHandler(
        for: descriptor, isExternal: true, onReadable: { calls.increment() })
      loop.settle()
      pair.closeReader()
      let timer = loop.context.makeTimer {}
      timer.arm(after: .milliseconds(200))
      let cpu = aiogs_test_thread_cpu_time()
      loop.run(limit: .seconds(5)) { !timer.isPending }
      #expect(calls.value <= 1)
      #expect(
        aiogs_test_thread_cpu_time() - cpu < (aiogs_test_is_sanitized() ? 100_000_000 : 20_000_000))
      loop.context.removeHandler(for: descriptor)
    }
  }
}
