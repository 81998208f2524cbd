// Sequences of connections and of a notifier's events, and their back-pressure.

import CLiburing
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct SequenceTests {
    @Test(arguments: Combination.all)
    func connectionsComeOneAfterTheOther(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let listener = try Listener()
      let clients = try (0..<20).map { _ in try Listener.socket() }
      defer { for client in clients { try? client.close() } }
      let accepted = try loop.task {
        let server = Task(executorPreference: context.taskExecutor) {
          var accepted: [FileDescriptor] = []
          for try await connection in context.connections(on: listener.descriptor) {
            accepted.append(connection.descriptor)
          }
          return accepted
        }
        for client in clients { try await context.connect(client, to: listener.address) }
        try await context.sleep(for: .milliseconds(20))
        server.cancel()
        // Cancelled, it ends, and what it has accepted is not lost.
        return try await server.value
      }
      #expect(accepted.count == 20)
      for descriptor in accepted { try descriptor.close() }
    }

    /// Nothing is accepted that nobody has asked for.
    @Test(arguments: Combination.all)
    func connectionsWaitInTheKernel(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let listener = try Listener()
      let clients = try (0..<3).map { _ in try Listener.socket() }
      defer { for client in clients { try? client.close() } }
      try loop.task {
        var connections = context.connections(on: listener.descriptor).makeAsyncIterator()
        for client in clients { try await context.connect(client, to: listener.address) }
        // What sleeping under GLib takes a descriptor for is there by now.
        try await context.sleep(for: .milliseconds(1))
        let before = openDescriptors()
        try (try await connections.next())?.descriptor.close()
        try await context.sleep(for: .milliseconds(10))
        #expect(openDescriptors() == before)
        for _ in 0..<2 {
          let connection = try #require(try await connections.next())
          try connection.descriptor.close()
        }
      }
    }

    @Test(arguments: Combination.all)
    func aListenerThatIsNoneIsAnError(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let pair = Pair.sockets()
      try loop.task {
        await #expect(throws: Errno.self) {
          for try await _ in context.connections(on: pair.reader) {}
        }
        return
      }
    }

    @Test(arguments: Combination.all)
    func aNotifiersEventsCoalesceUntilAskedFor(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let notifier = try EventNotifier()
      try loop.task {
        var events = context.events(of: notifier).makeAsyncIterator()
        try notifier.set()
        try notifier.set()
        #expect(try await events.next() != nil)
        let next = Task(executorPreference: context.taskExecutor) {
          var count = 0
          for try await _ in context.events(of: notifier) { count += 1 }
          return count
        }
        for _ in 0..<5 {
          TestThread { try? notifier.set() }.join()
          try await context.sleep(for: .milliseconds(3))
        }
        next.cancel()
        #expect(try await next.value == 5)
        notifier.close()
        await #expect(throws: Errno.badFileDescriptor) { try await events.next() }
      }
    }
  }
}
