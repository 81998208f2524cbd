// How long the memory of a removed handler stays. That it went too early a crash would show, now and then; this does always.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct HandlerMemoryTests {
    @Test(arguments: Combination.all)
    func itStaysUntilThePassIsOver(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let pair = Pair.sockets()
      let wasCalled = Flag()
      let wasThere = Flag()
      try context.setHandler(
        for: pair.reader,
        onReadable: {
          context.removeHandler(for: pair.reader)
          if context.handlers.hasRemoved { wasThere.set() }
          wasCalled.set()
        })
      pair.write()
      #expect(loop.run(limit: .seconds(5)) { wasCalled.isSet })
      #expect(wasThere.isSet)
      loop.settle()
      #expect(!context.handlers.hasRemoved)
    }

    /// The others have told the kernel by then.
    @Test(arguments: Combination.all)
    func itStaysWhileARequestWithTheRingHasItsAddress(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let pair = Pair.sockets()
      try loop.context.setHandler(for: pair.reader, onReadable: {})
      loop.settle()
      loop.context.removeHandler(for: pair.reader)
      #expect(loop.context.handlers.hasRemoved == (combination.monitor == .ioURing))
      loop.settle()
      #expect(!loop.context.handlers.hasRemoved)
    }
  }
}
