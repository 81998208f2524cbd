// Cancelling a GIO pair at every point: each await ends, once, and with the value or as cancelled.

import AioGSource
import CGLib
import CLiburing
import Glibc
import SeededRandom
import Testing

extension AllTests {
  @Suite(.timeLimit(.minutes(2))) struct GIOCancellationTests {
    private static func isCancellation(_ error: any Error) -> Bool {
      (error as? GLibError)?.isCancelled == true
    }

    @Test func aReadThatWouldNeverEndIsCancelled() async throws {
      let thread = GLibThread()
      defer { thread.stop() }
      let reads = Flag()
      let task = Task {
        try await thread.run {
          let (stream, peer) = try connectedStream()
          defer {
            g_object_unref(stream.gobject)
            close(peer)
          }
          let bytes = try await GIO.call(
            g_io_stream_get_input_stream(stream)!
          ) { input, cancellable, callback, data in
            g_input_stream_read_bytes_async(
              input, 100, G_PRIORITY_DEFAULT, cancellable, callback, data)
            reads.set()
          } finish: { input, result, error in
            g_input_stream_read_bytes_finish(input, result, error)
          }
          g_bytes_unref(bytes)
        }
      }
      while !reads.isSet { await Task.yield() }
      sleep(milliseconds: 5)
      task.cancel()
      await #expect { try await task.value } throws: { Self.isCancellation($0) }
    }

    @Test func aTaskThatWasCancelledBeforeDoesNotStart() async {
      let thread = GLibThread()
      defer { thread.stop() }
      let started = Flag()
      let object = WatchedObject()
      let task = Task {
        while !Task.isCancelled { await Task.yield() }
        try await GIO.call(object.pointer) { source, cancellable, callback, data in
          started.set()
          FakeOperation.start(source, 1, .duringTheStart, cancellable, callback, data)
        } finish: {
          _ = FakeOperation.finish($1, $2)
        }
      }
      task.cancel()
      await #expect { try await task.value } throws: { Self.isCancellation($0) }
      #expect(!started.isSet)
      object.letGo()
      #expect(object.isGone)
    }

    // The callback then comes inside of Task.cancel(), and resumes the task that is being cancelled.
    @Test(arguments: [true, false])
    func anOperationMayEndInsideTheCancellation(_ onTheLoop: Bool) async {
      let thread = GLibThread()
      defer { thread.stop() }
      let starts = Flag()
      let ends = Flag()
      let returned = Flag()
      // Itself, and not by way of another: that one might not be listening yet, and hand the cancellation on later.
      let task = Task(executorPreference: thread) {
        try await GIO.call {
          FakeOperation.start(nil, 1, .insideTheCancellation, $0, $1, $2)
          starts.set()
        } finish: {
          ends.set()
          return FakeOperation.finish($0, $1)
        }
      }
      while !starts.isSet { await Task.yield() }
      let cancel: @Sendable () -> Void = {
        task.cancel()
        precondition(ends.isSet)
        returned.set()
      }
      if onTheLoop { thread.onLoop(cancel) } else { cancel() }
      await #expect { try await task.value } throws: { Self.isCancellation($0) }
      while !returned.isSet { await Task.yield() }
    }

    @Test func atEveryPointEachAwaitEndsOnce() async throws {
      let thread = GLibThread()
      defer { thread.stop() }
      let file = try TemporaryFile(randomBytes(10_000))
      var generator = SeededGenerator(seed: 11)
      var values = 0
      var cancellations = 0
      for round in 0..<1_000 {
        let moment = FakeOperation.Moment.allCases[round % 5]
        let isReal = round % 3 == 0
        let onLoop = Bool.random(using: &generator)
        let delay = UInt32.random(in: 0...80, using: &generator)
        let finishes = Counter()
        let task = Task {
          if isReal {
            return try await thread.run { try await GIOCallTests.load(file.path).count }
          }
          let body: @Sendable () async throws -> Int = {
            try await GIO.call(on: thread.context) {
              FakeOperation.start(nil, 1, moment, $0, $1, $2)
            } finish: {
              finishes.increment()
              return FakeOperation.finish($0, $1)
            }
          }
          return onLoop ? try await thread.run(body) : try await body()
        }
        if delay > 5 { usleep(delay) }
        if delay % 2 == 0 {
          task.cancel()
        } else {
          thread.onLoop { task.cancel() }
        }
        do {
          let value = try await task.value
          #expect(value == (isReal ? 10_000 : 1))
          values += 1
        } catch {
          #expect(Self.isCancellation(error))
          cancellations += 1
        }
        #expect(finishes.value <= 1)
      }
      FakeOperation.joinThreads()
      // Or the delays are no good.
      #expect(values > 20)
      #expect(cancellations > 20)
    }
  }
}

/// A stream over one end of a pair of sockets, and the other end.
func connectedStream() throws -> (UnsafeMutablePointer<GIOStream>, CInt) {
  var ends: [CInt] = [-1, -1]
  try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
  return (try stream(over: ends[0]), ends[1])
}

/// A stream over a socket, which it closes.
func stream(over descriptor: CInt) throws -> UnsafeMutablePointer<GIOStream> {
  let socket = try withGLibError { g_socket_new_from_fd(descriptor, $0) }!
  let connection = g_socket_connection_factory_create_connection(socket)!
  g_object_unref(socket.gobject)
  return UnsafeMutableRawPointer(connection).assumingMemoryBound(to: GIOStream.self)
}
