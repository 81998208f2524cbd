// fork(2): a child may make contexts of its own and execute programs, which get none of a context's descriptors; it may
// not use its parent's contexts, and is told so.

import AioGSource
import CGLib
import CTestSupport
import Glibc
import SystemPackage
import Testing

/// Calls a closure in a forked child, and ends this process as the child ended.
private func inChild(_ body: @escaping () -> Void) {
  let call = Call(body)
  let status = aiogs_test_call_in_child(
    { Unmanaged<Call>.fromOpaque($0!).takeUnretainedValue().body() },
    Unmanaged.passUnretained(call).toOpaque())
  if status != 0 { fatalError("the child ended with \(status)") }
}

private final class Call {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

private func descriptors() -> Set<CInt> { Set((0..<1024).filter { fcntl($0, F_GETFD) >= 0 }) }

private let sentence = "in a child process that was forked after the context was made"

extension AllTests {
  @Suite struct ForkTests {
    @Test func pollingAParentsContextTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        context.poll(blocking: false)
        inChild { context.poll(blocking: false) }
      }
      expectSentence("poll(blocking:) of an AioContext was called " + sentence, in: result)
    }

    @Test func runningAParentsContextUnderGLibTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        try context.attach()
        _ = MainContext.default.iteration(mayBlock: false)
        inChild { _ = MainContext.default.iteration(mayBlock: false) }
      }
      expectSentence("g_main_context_iteration of an AioContext was called " + sentence, in: result)
    }

    @Test func aRequestToAParentsContextTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        context.poll(blocking: false)
        let io = context.io
        inChild { io.timeout(after: .zero) { _ in } }
      }
      expectSentence(sentence, in: result)
    }

    @Test func aHandlerOfAParentsContextTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        inChild { try? context.setHandler(for: FileDescriptor(rawValue: 0), onReadable: {}) }
      }
      expectSentence("setHandler(for:) of an AioContext was called " + sentence, in: result)
    }

    @Test func stoppingAParentsIOThreadTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let thread = try IOThread(name: "parent's")
        inChild { thread.stop() }
      }
      expectSentence("IOThread.stop() of an AioContext was called " + sentence, in: result)
    }

    @Test func waitingForAParentsContextTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext()
        inChild { context.wait { false } }
      }
      expectSentence("wait(while:) of an AioContext was called " + sentence, in: result)
    }

    @Test func wakingAParentsSleepingContextTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let thread = try IOThread(name: "parent's", configuration: .init(polling: .disabled))
        // It sleeps by now; a wake-up would be the parent's.
        usleep(200_000)
        inChild { thread.context.notify() }
      }
      expectSentence("notify() of an AioContext was called " + sentence, in: result)
    }

    @Test func destroyingAParentsContextTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        nonisolated(unsafe) var context: AioContext? = try AioContext()
        context?.poll(blocking: false)
        inChild { context = nil }
      }
      expectSentence("deinit of an AioContext was called " + sentence, in: result)
    }

    @Test func aChildMakesContextsOfItsOwn() async {
      await #expect(processExitsWith: .success) {
        let context = try AioContext()
        context.poll(blocking: false)
        inChild {
          let own = try! AioContext()
          var ran = false
          withUnsafeMutablePointer(to: &ran) { flag in
            nonisolated(unsafe) let flag = flag
            own.schedule { flag.pointee = true }
            own.poll(blocking: true)
          }
          precondition(ran)
        }
        // The parent's is as it was.
        precondition(context.isHomeThread)
        context.poll(blocking: false)
      }
    }

    /// What a program that a child executes would have.
    @Test(arguments: Combination.all)
    func noDescriptorIsLeftToAnExecutedProgram(_ combination: Combination) throws {
      let before = descriptors()
      let loop = try TestLoop(combination)
      let context = loop.context
      let pipe = Pair.pipe()
      var requests: [AIORequest] = []
      for kind in AIOEngine.Kind.allCases {
        guard let engine = try? context.engine(kind) else { continue }
        requests.append(engine.poll(pipe.reader, for: Int16(POLLIN)) { _ in })
      }
      let timer = context.makeTimer(name: "makes the timerfd") {}
      timer.arm(after: .seconds(100))
      for _ in 0..<3 { loop.iterate() }
      let made = descriptors().subtracting(before)
        .subtracting([pipe.reader.rawValue, pipe.writer.rawValue])
      #expect(!made.isEmpty)
      for descriptor in made {
        let flags = fcntl(descriptor, F_GETFD)
        #expect(flags < 0 || flags & FD_CLOEXEC != 0, "descriptor \(descriptor) is inherited")
      }
      timer.cancel()
      for request in requests { request.cancelAndWait() }
    }
  }
}
