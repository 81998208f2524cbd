// The code of the guide Cancellation, between the marks, and that it does what the guide says.

import CGLib
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct CancellationGuideTests {
    @Test func theProgramHasPatienceForAWhile() throws {
      let outcome = try Program("CancellationGuide", []).outcome()
      #expect(outcome.output == "nothing came\n")
      #expect(outcome.status == 0, "\(outcome.complaint)")
    }

    @Test(arguments: Combination.all)
    func aConnectionThatCameInTimeIsNotLost(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let server = try Listener()
      try loop.task {
        await #expect(throws: Errno.canceled) {
          try await accept(on: server.descriptor, within: .milliseconds(5), context)
        }
        let client = try Listener.socket()
        try await context.connect(client, to: server.address)
        try await accept(on: server.descriptor, within: .seconds(5), context).descriptor.close()
        try client.close()
      }
    }

    @Test(arguments: Combination.all)
    func cancelledWaysToEndAreTold(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let work: [@Sendable () async throws -> Void] = [
        { try await context.sleep(for: .seconds(1_000)) },
        { try await Task.sleep(for: .seconds(1_000)) },
        {
          try await Cancellable.withTaskCancellation { cancellable in
            try await context.sleep(for: .seconds(1_000))
            try cancellable.checkCancellation()
          }
        },
        { throw GLibError(G_IO_ERROR_CANCELLED, message: "Operation was cancelled") },
      ]
      for work in work {
        let log = Log()
        let print: @Sendable (String) -> Void = { log.add($0) }
        try loop.task {
          let task = Task(executorPreference: context.taskExecutor) {
            // snippet
            do {
              try await work()
            } catch let error where isCancellation(error) {
              print("as you wish")
            } catch {
              print("that went wrong: \(error)")
            }
            // end of snippet
          }
          await Task.yield()
          task.cancel()
          await task.value
        }
        #expect(log.value == ["as you wish"])
      }
    }

    @Test(arguments: Combination.all)
    func aSequenceEndsAndSaysNothing(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Log()
      let print: @Sendable (String) -> Void = { log.add($0) }
      try loop.task {
        let task = Task(executorPreference: context.taskExecutor) {
          // snippet
          for await _ in context.ticks(every: .seconds(1)) {
            print("tick")
          }
          if Task.isCancelled { print("no more ticks") }
          // end of snippet
        }
        await Task.yield()
        task.cancel()
        await task.value
      }
      #expect(log.value == ["no more ticks"])
    }

    @Test(arguments: Combination.all)
    func aJobUnderWayIsToldByAFlag(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let started = Flag()
      try loop.task {
        let task = Task(executorPreference: context.taskExecutor) {
          try await search(with: context.threadPool, started: { started.set() })
        }
        while !started.isSet { await Task.yield() }
        task.cancel()
        let found = try await task.value
        #expect(found == nil)
      }
    }

    @Test(arguments: Combination.all)
    func aPlaceInAQueueIsGivenUp(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let mutex = AsyncMutex()
      let isHeld = Box<[Bool]>([])
      let use: @Sendable () -> Void = { isHeld.update { $0.append(mutex.isLocked) } }
      try loop.task {
        await mutex.lock()
        let task = Task(executorPreference: context.taskExecutor) {
          // snippet
          try await mutex.lockUnlessCancelled()
          defer { mutex.unlock() }
          use()
          // end of snippet
        }
        await Task.yield()
        task.cancel()
        await #expect(throws: Errno.canceled) { try await task.value }
        mutex.unlock()
      }
      #expect(isHeld.value == [])
      #expect(!mutex.isLocked)
    }

    @Test(arguments: Combination.all)
    func aGCancellableCancelsATask(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let cancellable = Cancellable()
      nonisolated(unsafe) let pointer = cancellable.pointer
      try loop.task {
        let task = Task(executorPreference: context.taskExecutor) {
          // snippet
          try await withCancellable(Cancellable(retaining: pointer)) {
            try await context.sleep(for: .seconds(60))
          }
          // end of snippet
        }
        await Task.yield()
        g_cancellable_cancel(pointer)
        await #expect(throws: Errno.canceled) { try await task.value }
      }
    }

    @Test(arguments: Combination.all)
    func aCancelledTaskClosesAllTheSameAndMakesNoOtherRequest(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let (reader, writer) = try FileDescriptor.pipe()
      try loop.task {
        let requests = context.io.statistics.requests
        let task = Task(executorPreference: context.taskExecutor) {
          while !Task.isCancelled { await Task.yield() }
          await #expect(throws: Errno.canceled) { try await context.readable(reader) }
          await #expect(throws: Errno.canceled) {
            try await context.write(to: writer, from: AIOBuffer([1]))
          }
          #expect(context.io.statistics.requests == requests)
          try await context.io.close(writer)
        }
        task.cancel()
        try await task.value
        #expect(try await context.read(from: reader, into: AIOBuffer(count: 1)) == 0)
      }
      try reader.close()
    }

    @Test func anEndHasALimit() async throws {
      let thread = try IOThread(name: "ending")
      let (reader, writer) = try FileDescriptor.pipe()
      let task = Task(executorPreference: thread.context.taskExecutor) {
        try await thread.context.read(from: reader, into: AIOBuffer(count: 1))
      }
      // snippet
      let report = await thread.shutDown(waitingFor: .milliseconds(50))
      for (operation, count) in report.cancelled {
        print("\(count) × \(operation) took too long")
      }
      // end of snippet
      #expect(report.cancelled == ["read": 1])
      await #expect(throws: Errno.canceled) { try await task.value }
      try reader.close()
      try writer.close()
    }
  }
}

// snippet
func accept(
  on listener: FileDescriptor, within limit: Duration, _ context: AioContext
) async throws -> AcceptedConnection {
  let accepting = Task(executorPreference: context.taskExecutor) {
    try await context.accept(on: listener)
  }
  let timer = context.makeTimer(name: "limit") { accepting.cancel() }
  timer.arm(after: limit)
  defer { timer.cancel() }
  return try await withTaskCancellationHandler {
    try await accepting.value  // a connection, or Errno.canceled
  } onCancel: {
    accepting.cancel()  // for it is nobody's child
  }
}
// end of snippet

// snippet
func isCancellation(_ error: any Error) -> Bool {
  switch error {
  case Errno.canceled, is CancellationError: true
  case let error as GLibError: error.isCancelled
  default: false
  }
}
// end of snippet

private func search(
  with pool: ThreadPool, started: @escaping @Sendable () -> Void
) async throws -> Int? {
  // snippet
  let stop = Stop()
  return try await withTaskCancellationHandler {
    try await pool.submit {
      var candidate = 0
      while !stop.isSet {
        started()
        if isWanted(candidate) { return candidate }
        candidate += 1
      }
      return nil
    }
  } onCancel: {
    stop.set()
  }
  // end of snippet
}

// snippet
final class Stop: Sendable {
  private let flag = Atomic(false)
  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}
// end of snippet

private func isWanted(_ candidate: Int) -> Bool { candidate < 0 }
