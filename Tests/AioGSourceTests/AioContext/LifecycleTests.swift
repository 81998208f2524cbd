// Contract 2, 28: contexts come and go, and leave nothing behind; what was left in them is named.

import AioGSource
import CTestSupport
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite struct LifecycleTests {
    /// One life, with something of everything.
    private static func live(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let notifier = try EventNotifier(active: true)
      let ran = Counter()
      try context.setHandler(
        for: notifier,
        onReadable: {
          $0.testAndClear()
          ran.increment()
        })
      let timer = context.makeTimer { ran.increment() }
      timer.arm(after: .microseconds(1))
      context.schedule { ran.increment() }
      #expect(loop.run(limit: .seconds(5)) { ran.value == 3 })
      context.removeHandler(for: notifier)
    }

    @Test(arguments: Combination.all)
    func aThousandLivesLeaveNothing(_ combination: Combination) throws {
      for _ in 0..<20 { try Self.live(combination) }
      let descriptors = openDescriptors()
      let threads = threadCount()
      let memory = residentMemory()
      for _ in 0..<1_000 { try Self.live(combination) }
      #expect(openDescriptors() == descriptors)
      #expect(threadsComeDown(to: threads))
      if !aiogs_test_is_sanitized() {
        // Pages, not objects: a leak of a kilobyte a life would show as a megabyte.
        #expect(residentMemory() - memory < 768 * 1024)
      }
    }

    @Test(arguments: Combination.monitors)
    func withoutDescriptorsMakingOneThrowsAndLeaksNothing(_ monitor: MonitorKind) throws {
      let before = openDescriptors()
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      // None more, one more (the event notifier's), two more.
      for spare in 0...2 {
        var taken: [CInt] = []
        var lowered = limit
        // Two above the highest, so that there are two to give back where no number below it is free.
        lowered.rlim_cur = min(limit.rlim_cur, rlim_t(highestDescriptor() + 3))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lowered)
        while case let descriptor = dup(2), descriptor >= 0 { taken.append(descriptor) }
        let free = min(spare, taken.count)
        for descriptor in taken.suffix(free) { close(descriptor) }
        taken.removeLast(free)
        #expect(free == spare)
        let result = Result { () throws -> AioContext in
          try AioContext(configuration: .init(monitor: .demanded(monitor)))
        }
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for descriptor in taken { close(descriptor) }
        switch result {
        case .success: #expect(free >= (monitor == .poll ? 1 : 2))
        case .failure(let error as AioError):
          #expect(free < (monitor == .poll ? 1 : 2))
          if free == 0 {
            #expect(error == .system(call: "eventfd", .tooManyOpenFiles))
          } else {
            #expect(error == .monitorUnavailable(monitor, .tooManyOpenFiles))
          }
        case .failure(let error): Issue.record(error)
        }
      }
      #expect(openDescriptors() == before)
    }

    @Test(arguments: Combination.all)
    func theLastReferenceMayGoOnAnotherThread(_ combination: Combination) throws {
      weak var observed: AioContext?
      let box = Box<TestLoop?>(nil)
      do {
        let loop = try TestLoop(combination)
        observed = loop.context
        loop.context.schedule {}
        loop.settle()
        box.value = loop
      }
      TestThread { box.value = nil }.join()
      #expect(observed == nil)
    }

    @Test func aScheduledBottomHalfIsNamedInTheTrap() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        var context: AioContext? = try AioContext(name: "short-lived")
        let bottomHalf = context!.makeBottomHalf(name: "forgotten") {}
        bottomHalf.schedule()
        context = nil
        withExtendedLifetime(bottomHalf) {}
      }
      expectSentence(
        "AioContext 'short-lived' was destroyed while bottom half 'forgotten' is scheduled",
        in: result)
    }

    @Test func aOneShotThatNeverRanIsNamedInTheTrap() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        try AioContext(name: "c").schedule(name: "once") {}
      }
      expectSentence("bottom half 'once' is scheduled", in: result)
    }

    @Test func anArmedTimerIsNamedInTheTrap() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        var context: AioContext? = try AioContext(name: "c")
        let timer = context!.makeTimer(name: "late") {}
        timer.arm(after: .seconds(1))
        context = nil
        withExtendedLifetime(timer) {}
      }
      expectSentence("timer 'late' is armed", in: result)
    }

    @Test func aRegisteredHandlerIsNamedInTheTrap() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        let context = try AioContext(name: "c")
        try context.setHandler(for: FileDescriptor(rawValue: 0), onReadable: {})
      }
      expectSentence("the handler of fd 0 is registered", in: result)
    }

    @Test func deletedAndDisarmedThereIsNoTrap() throws {
      var context: AioContext? = try AioContext()
      let bottomHalf = context!.makeBottomHalf {}
      bottomHalf.schedule()
      bottomHalf.delete()
      let timer = context!.makeTimer {}
      timer.arm(after: .seconds(1))
      timer.cancel()
      weak let observed = context
      context = nil
      #expect(observed == nil)
    }

    @Test func whatTheQueueHeldAtTheEndMayOwnOtherHandles() throws {
      // Callbacks of deleted bottom halves that own handles of others in the same queue.
      let freed = Counter()
      var context: AioContext? = try AioContext()
      do {
        var next: BottomHalf?
        for _ in 0..<10 {
          let held = next
          let token = Token { freed.increment() }
          next = context!.makeBottomHalf {
            withExtendedLifetime((held, token)) {}
          }
          next?.schedule()
          next?.delete()
        }
      }
      weak let observed = context
      context = nil
      #expect(observed == nil)
      #expect(freed.value == 10)
    }

    @Test func schedulingAfterTheContextIsGoneTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        var context: AioContext? = try AioContext()
        let bottomHalf = context!.makeBottomHalf(name: "late") {}
        context = nil
        bottomHalf.schedule()
      }
      expectSentence(
        "bottom half 'late' was scheduled after its AioContext was destroyed", in: result)
    }

    @Test func armingAfterTheContextIsGoneTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        var context: AioContext? = try AioContext()
        let timer = context!.makeTimer(name: "late") {}
        context = nil
        timer.arm(at: 0)
      }
      expectSentence("timer 'late' was armed after its AioContext was destroyed", in: result)
    }

    @Test func handlesMayOutliveTheContext() throws {
      var context: AioContext? = try AioContext()
      let bottomHalf = context!.makeBottomHalf {}
      let timer = context!.makeTimer {}
      let spent = context!.makeBottomHalf {}
      spent.schedule()
      context!.poll(blocking: false)
      context = nil
      bottomHalf.cancel()
      bottomHalf.delete()
      timer.cancel()
      #expect(!timer.isPending)
    }
  }
}

private func highestDescriptor() -> CInt {
  var highest: CInt = 0
  for descriptor in CInt(0)..<1024 where fcntl(descriptor, F_GETFD) >= 0 { highest = descriptor }
  return highest
}

private func residentMemory() -> Int {
  var bytes = [UInt8](repeating: 0, count: 256)
  guard let file = try? FileDescriptor.open("/proc/self/statm", .readOnly) else { return 0 }
  defer { try? file.close() }
  let count = bytes.withUnsafeMutableBytes { (try? file.read(into: $0)) ?? 0 }
  let fields = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
  return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4096 : 0
}
