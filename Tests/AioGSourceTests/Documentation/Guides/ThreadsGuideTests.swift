// The code of the guides ThreadsAndHomes, ShuttingDown, Observing and ContainersAndFallback, between the marks, and that it
// does what they say.

import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct ThreadsGuideTests {
    private let log = Log([])

    private var print: @Sendable (String) -> Void {
      { [log] line in log.update { $0.append(line) } }
    }

    @Test func aThreadRunsItsContext() throws {
      let print = print
      // snippet
      let thread = try IOThread(name: "disk")
      thread.context.schedule { print("on \(AioContext.current!.name)") }
      thread.stop()  // what was scheduled before has run when this returns
      // end of snippet
      #expect(log.value == ["on disk"])
    }

    @Test(arguments: Combination.all)
    func oneWaitsForAnother(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let thread = try IOThread(name: "other")
      let done = Counter()
      let isDone = Flag()
      let work: @Sendable () -> Void = { done.increment() }
      // The calling thread needs a context of its own.
      loop.settle()
      _ = loop.context.poll(blocking: false)
      // snippet
      thread.context.schedule {
        work()
        isDone.set()
        thread.context.kick()  // have those who wait look again
      }
      thread.context.wait(while: { !isDone.isSet })
      // end of snippet
      #expect(done.value == 1)
      let print: @Sendable (Int) -> Void = { [log] passes in
        log.update { $0.append("passes: \(passes > 0)") }
      }
      // snippet
      thread.context.runAndWait { print(thread.context.statistics.passes) }
      // end of snippet
      #expect(log.value == ["passes: true"])
      thread.stop()
    }

    @Test(arguments: Combination.all)
    func whatBlocksIsAWorkers(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let print = print
      let digest: @Sendable () -> Int = {
        #expect(!context.isHomeThread)
        return 42
      }
      // snippet
      context.threadPool.submit(
        { digest() },
        completion: { result in
          print("\(try! result.get())")  // on the home thread
        })
      // end of snippet
      #expect(loop.run { log.value == ["42"] })
    }

    @Test(arguments: Combination.all)
    func aContextIsShutDown(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let server = try Listener()
      let listener = server.descriptor
      try context.setHandler(for: listener, onReadable: {})
      let pair = Pair.sockets()
      context.io.receive(on: pair.reader, into: AIOBuffer(count: 16)) { _ in }
      let print: @Sendable (DrainReport) -> Void = { [log] report in
        log.update { $0.append("\(report)") }
      }
      // snippet
      context.removeHandler(for: listener)
      let report = context.drain(waitingFor: .milliseconds(20))
      print(report)  // cancelled: 1 × receive
      context.detach()
      // end of snippet
      #expect(log.value == ["cancelled: 1 × receive"])
    }

    @Test(arguments: Combination.all)
    func aContextTellsWhatItIs(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let lines = Log([])
      let print: @Sendable (Any) -> Void = { [lines] line in lines.update { $0.append("\(line)") } }
      // snippet
      print(context.monitor)  // io_uring, epoll or poll
      print(context.io.kind)  // io_uring, native or threads
      // end of snippet
      let kind = "\(context.io.kind)"
      #expect(lines.value == [combination.monitor.rawValue, kind])
      #expect(["io_uring", "native", "threads"].contains(kind))
      // snippet
      print("\(context.name) waits with \(context.monitor) and reads with \(context.io.kind)")
      // end of snippet
      #expect(lines.value.last == "test waits with \(combination.monitor) and reads with \(kind)")
    }

    @Test func aContextTellsWhatItHasToDo() throws {
      let context = try AioContext(name: "store", configuration: .init(monitor: .demanded(.poll)))
      let pipe = Pair.pipe()
      try context.setHandler(for: pipe.reader, isExternal: true, onReadable: {})
      let flush = context.makeBottomHalf(name: "flush") {}
      flush.schedule()
      let expire = context.makeTimer(name: "expire") {}
      expire.arm(after: .seconds(100))
      let print = print
      // snippet
      print(context.debugDescription)
      // end of snippet
      let lines = log.value[0].split(separator: "\n").map(String.init)
      #expect(
        Array(lines.prefix(3)) == [
          "AioContext 'store' (poll)",
          "  handler of fd \(pipe.reader.rawValue): readable, external",
          "  bottom half 'flush': scheduled",
        ])
      #expect(lines.last?.hasPrefix("  timer 'expire': due in ") == true)
      #expect(lines.last?.hasSuffix(" ns on the realtime clock") == true)
      context.removeHandler(for: pipe.reader)
      flush.delete()
      expire.cancel()
    }

    @Test(arguments: Combination.all)
    func aContextTellsWhatItHasDone(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      loop.settle()
      let work = {
        context.schedule {}
        context.poll(blocking: true)
      }
      let print = print
      // snippet
      let before = context.statistics
      work()
      let after = context.statistics
      print("\(after.passes - before.passes) passes")
      // end of snippet
      #expect(log.value == ["1 passes"])
      #expect(after.bottomHalvesRun == before.bottomHalvesRun + 1)
    }

    @Test func aDemandIsMetOrThrows() throws {
      let print = print
      // snippet
      let configuration = AioContext.Configuration(monitor: .demanded(.ioURing))
      do throws(AioError) {
        let context = try AioContext(name: "ring", configuration: configuration)
        print("it is \(context.monitor)")
      } catch .monitorUnavailable(let kind, let error) {
        print("no \(kind) here: \(error)")
      } catch {
        print("\(error)")
      }
      // end of snippet
      let isToBeHad = Combination.monitors.contains(.ioURing)
      #expect(log.value.count == 1)
      #expect(log.value[0].hasPrefix(isToBeHad ? "it is io_uring" : "no io_uring here: "))
    }
  }
}
