// Contract 2.6, 25.7, architecture's fourth decision: which engine runs, and that one can tell.

import CTestSupport
import SystemPackage
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct EngineChoiceTests {
    @Test func automaticTakesTheBestThereIs() throws {
      let context = try AioContext()
      let best: AIOEngine.Kind =
        !aiogs_test_denies_io_uring()
        ? .ioURing : !aiogs_test_denies_io_setup() ? .linuxAIO : .threads
      #expect(context.io.kind == best)
      #expect(context.io === context.io)
    }

    @Test(arguments: AIOEngine.Kind.allCases)
    func aDemandedEngineIsThatOneOrThrows(_ kind: AIOEngine.Kind) throws {
      let context = try AioContext()
      if EngineCombination.engines.contains(kind) {
        #expect(try context.engine(kind).kind == kind)
      } else {
        let error = #expect(throws: AioError.self) { try context.engine(kind) }
        #expect(
          error?.description == "the \(kind) engine is not available here: Operation not permitted")
        // Nothing is left behind, and asking again is fine.
        #expect(throws: AioError.self) { try context.engine(kind) }
      }
    }

    @Test func settingUpTwiceIsSettingUpOnce() throws {
      let context = try AioContext()
      if EngineCombination.engines.contains(.ioURing) {
        #expect(try context.setUpIOURing() === context.setUpIOURing())
        #expect(context.ioURing === (try context.engine(.ioURing)))
      }
      if EngineCombination.engines.contains(.linuxAIO) {
        #expect(try context.setUpLinuxAIO() === context.setUpLinuxAIO())
        #expect(context.linuxAIO === (try context.engine(.linuxAIO)))
      }
      #expect(context.threadPool === context.threadPool)
    }

    @Test func askingForAnEngineThatWasNotSetUpTraps() async {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let context = try AioContext(name: "plain")
        _ = context.linuxAIO
      }
      expectSentence(
        "the native engine of AioContext 'plain' is there after setUpLinuxAIO()", in: result)
    }

    @Test(arguments: Combination.all)
    func theRingIsTheMonitorsWhereThatHasOne(_ combination: Combination) throws {
      guard EngineCombination.engines.contains(.ioURing) else { return }
      let loop = try TestLoop(combination)
      let before = openDescriptors()
      let engine = try loop.context.engine(.ioURing)
      let backend = try #require(engine.backend as? RingBackend)
      #expect(backend.isShared == (combination.monitor == .ioURing))
      #expect(openDescriptors() == before + (combination.monitor == .ioURing ? 0 : 1))
    }

    @Test func enginesLeaveNoDescriptorsAndThreads() throws {
      _ = try? AioContext().io
      let descriptors = openDescriptors()
      let threads = threadCount()
      for combination in EngineCombination.all {
        let loop = try EngineLoop(combination)
        let file = try TemporaryFile(randomBytes(4096))
        let buffer = AIOBuffer(count: 4096)
        let result = try loop.await {
          loop.engine.write(to: file.descriptor, at: 0, from: buffer, completion: $0)
        }
        #expect(result == .success(4096))
      }
      #expect(openDescriptors() == descriptors)
      #expect(threadsComeDown(to: threads))
    }
  }
}
