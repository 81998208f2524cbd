// The code of the guide AsyncIO, between the marks, and that it does what the guide says: on each monitor, under each driver.

import CLiburing
import Glibc
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct AsyncIOGuideTests {
    @Test func theProgramCountsLines() throws {
      let folder = try Folder()
      try folder.write(.init("one\ntwo\nthree\n".utf8), to: "text")
      let outcome = try Program("AsyncIOGuide", [folder["text"]]).outcome()
      #expect(outcome.output == "3 lines\n")
      #expect(outcome.status == 0)
      let failed = try Program("AsyncIOGuide", [folder["nothing"]]).outcome()
      #expect(failed.output == "\(folder["nothing"]): No such file or directory\n")
    }

    @Test(arguments: Combination.all)
    func childrenInheritThePreferenceAndOthersDoNot(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let answers = try loop.task {
        // snippet
        let answers = await Task(executorPreference: context.taskExecutor) {
          async let child = context.isHomeThread  // inherits the preference
          let other = await Task { context.isHomeThread }.value  // does not
          return [await child, other]  // true, false
        }.value
        // end of snippet
        return answers
      }
      #expect(answers == [true, false])
    }

    @Test(arguments: Combination.all)
    func severalOperationsFromElsewhere(_ combination: Combination) async throws {
      let thread = try IOThread(
        name: "elsewhere", configuration: .init(monitor: .demanded(combination.monitor)))
      if combination.driver == .glib { _ = try thread.mainContext() }
      let context = thread.context
      let folder = try Folder()
      let path = FilePath(try folder.write(.init([1, 2, 3]), to: "three"))
      // snippet
      let size = try await context.run { () throws(Errno) in
        let engine = context.io
        let file = try await engine.open(path, .readOnly)
        let size = try await engine.status(of: file).size
        try await engine.close(file)
        return size
      }
      // end of snippet
      #expect(size == 3)
      await thread.shutDown()
    }

    @Test(arguments: Combination.all)
    func whatIsReceivedIsSentBack(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let server = try Listener()
      let listener = server.descriptor
      let client = try Listener.socket()
      try loop.task {
        async let serving: Void = {
          // snippet
          let engine = await context.engine()
          let connection = try await engine.accept(on: listener).descriptor
          let buffer = AIOBuffer(count: 4096)
          while true {
            let count = try await engine.receive(on: connection, into: buffer)
            if count == 0 { break }  // the peer has nothing more to say
            try await engine.sendAll(on: connection, from: buffer, range: 0..<count)
          }
          try await engine.close(connection)
          // end of snippet
        }()
        try await context.connect(client, to: server.address)
        let answer = AIOBuffer(count: 100)
        for text in ["hello", "and", "goodbye"] {
          _ = try await context.send(on: client, from: AIOBuffer(text.utf8))
          let count = try await context.receive(on: client, into: answer)
          #expect(answer.bytes.prefix(count).elementsEqual(text.utf8))
        }
        try client.close()
        try await serving
      }
    }

    @Test(arguments: Combination.all)
    func theBytesAreAView(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let input = try TemporaryFile(Array("one\ntwo".utf8))
      let file = input.descriptor
      let (lines, first) = try loop.task {
        // snippet
        let buffer = AIOBuffer(count: 512)
        let count = try await context.read(from: file, at: 0, into: buffer)
        let lines = buffer.bytes.prefix(count).split(separator: UInt8(ascii: "\n"))
        let texts = lines.map { String(decoding: $0, as: UTF8.self) }  // copies
        buffer.bytes[0] = UInt8(ascii: "#")  // writes to the buffer
        // end of snippet
        return (texts, buffer.baseAddress.load(as: UInt8.self))
      }
      #expect(lines == ["one", "two"])
      #expect(first == UInt8(ascii: "#"))
    }

    @Test(arguments: Combination.all)
    func twoAtATime(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let input = try TestFile(count: 10_000)
      let file = input.descriptor
      let size: Int64 = 10_000
      try loop.task {
        // snippet
        let (head, tail) = (AIOBuffer(count: 4096), AIOBuffer(count: 4096))
        async let first = context.read(from: file, at: 0, into: head)
        async let last = context.read(from: file, at: size - 4096, into: tail)
        let counts = try await [first, last]
        // end of snippet
        #expect(counts == [4096, 4096])
        #expect(Array(head.bytes) == Array(input.contents.prefix(4096)))
        #expect(Array(tail.bytes) == Array(input.contents.suffix(4096)))
      }
    }

    @Test(arguments: Combination.all)
    func manyAtATime(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let input = try TestFile(count: 100_000)
      let file = input.descriptor
      let blocks = Box<[Int: [UInt8]]>([:])
      let use: @Sendable (Slice<AIOBuffer.Bytes>, Int) -> Void = { bytes, offset in
        blocks.update { $0[offset] = Array(bytes) }
      }
      try loop.task {
        let (size, depth, blockSize) = (100_000, 8, 4096)
        // snippet
        try await withThrowingTaskGroup { group in
          for slot in 0..<depth {
            group.addTask {
              let buffer = AIOBuffer(count: blockSize)  // one for each read under way
              for offset in stride(from: slot * blockSize, to: size, by: depth * blockSize) {
                let count = try await context.read(from: file, at: Int64(offset), into: buffer)
                use(buffer.bytes.prefix(count), offset)
              }
            }
          }
          try await group.waitForAll()
        }
        // end of snippet
      }
      let read = blocks.value.sorted { $0.key < $1.key }.flatMap(\.value)
      #expect(read == input.contents)
    }

    @Test(arguments: Combination.all)
    func oneErrorIsAnAnswerAndTheOthersAreThrown(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let folder = try Folder()
      let path = FilePath(try folder.write(.init([1, 2, 3]), to: "three"))
      let (nothing, directory) = (FilePath(folder["nothing"]), FilePath(folder.path))
      try loop.task {
        let engine = await context.engine()
        let three = try await contents(of: path, with: engine)
        #expect(three == [1, 2, 3])
        let none = try await contents(of: nothing, with: engine)
        #expect(none == nil)
        await #expect(throws: Errno.isDirectory) {
          try await contents(of: directory, with: engine)
        }
      }
    }

    @Test(arguments: Combination.all)
    func aServerEndsWithItsTask(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let listener = try Listener()
      let clients = try (0..<5).map { _ in try Listener.socket() }
      try loop.task {
        let server = Task(executorPreference: context.taskExecutor) {
          try await serve(listener.descriptor, on: context)
        }
        for client in clients {
          try await context.connect(client, to: listener.address)
          #expect(try await context.receive(on: client, into: AIOBuffer(count: 10)) == 6)
        }
        server.cancel()
        try await server.value
      }
      for client in clients { try client.close() }
    }

    @Test(arguments: Combination.all)
    func ticksComeUntilItIsEnough(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let output = Log()
      let print: @Sendable (String) -> Void = { output.add($0) }
      let count = try loop.task {
        var count = 0
        // snippet
        for await ticks in context.ticks(every: .milliseconds(5)) {
          count += ticks  // more than 1 if we were late
          print("\(count) ticks")
          if count >= 3 { break }
        }
        // end of snippet
        return count
      }
      #expect(count >= 3)
      #expect(output.value.last == "\(count) ticks")
    }

    @Test(arguments: Combination.all)
    func aSignalIsWaitedFor(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let output = Log()
      let print: @Sendable (String) -> Void = { output.add($0) }
      try loop.task {
        let waiting = Task(executorPreference: context.taskExecutor) {
          // snippet
          for await signal in try context.signals(SIGINT, SIGTERM) {
            print("signal \(signal) came")
            break
          }
          // end of snippet
        }
        // It has begun, and subscribed, before this goes on.
        await Task.yield()
        let sender = TestThread { Signals.sendToSelf(SIGTERM) }
        try await waiting.value
        sender.join()
      }
      #expect(output.value == ["signal \(SIGTERM) came"])
      // What they did before is back.
      #expect(Signals.disposition(of: SIGTERM).address == 0)
    }

    @Test(arguments: Combination.all)
    func theEndIsWaitedFor(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let output = Log()
      let print: @Sendable (DrainReport) -> Void = { output.add("\($0)") }
      let pipe = Pair.pipe()
      try loop.task {
        let task = Task(executorPreference: context.taskExecutor) {
          try await context.readable(pipe.reader)
        }
        await Task.yield()
        // snippet
        let report = await context.drained(waitingFor: .milliseconds(20))
        print(report)  // cancelled: 1 × poll
        // end of snippet
        await #expect(throws: Errno.canceled) { try await task.value }
      }
      #expect(output.value == ["cancelled: 1 × poll"])
    }
  }
}

// snippet
func contents(of path: FilePath, with engine: AIOEngine) async throws(Errno) -> [UInt8]? {
  do throws(Errno) {
    let file = try await engine.open(path, .readOnly)
    defer { try? file.close() }
    let buffer = AIOBuffer(count: Int(try await engine.status(of: file).size))
    let count = try await engine.read(from: file, at: 0, into: buffer)
    return Array(buffer.bytes.prefix(count))
  } catch .noSuchFileOrDirectory {
    return nil
  }
}
// end of snippet

// snippet
func serve(_ listener: FileDescriptor, on context: AioContext) async throws {
  try await withThrowingDiscardingTaskGroup { group in
    for try await connection in context.connections(on: listener) {
      group.addTask {
        let engine = await context.engine()
        try? await engine.sendAll(on: connection.descriptor, from: AIOBuffer("hello\n".utf8))
        try? await engine.close(connection.descriptor)
      }
    }
  }
}
// end of snippet
