// Random walks over a loop against a reference: whatever is asked of it in whatever order, and whatever the kernel answers,
// it calls what it must, in order, and nothing that it must not.
//
// A failing walk is shrunk, and the rest of it printed as the code that repeats it: paste it into a test. There are more
// walks where AIO_TEST_WALKS says how many for each combination, other ones where AIO_TEST_WALK_SEED says which is the
// first.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct LoopWalkTests {
    private static let count = environment("AIO_TEST_WALKS").flatMap(Int.init) ?? 20
    private static let firstSeed =
      environment("AIO_TEST_WALK_SEED").flatMap(UInt64.init) ?? 1

    @Test(arguments: Combination.all)
    func whateverIsAskedInWhateverOrder(_ combination: Combination) throws {
      try walkAll(combination, withFaults: false)
    }

    @Test(arguments: Combination.all)
    func whateverTheKernelAnswers(_ combination: Combination) throws {
      try walkAll(combination, withFaults: true)
    }

    private func walkAll(_ combination: Combination, withFaults: Bool) throws {
      Tally.count(combination)
      for seed in Self.firstSeed..<Self.firstSeed + UInt64(Self.count) {
        let setting = WalkSetting(combination, seed: seed)
        let steps = WalkStep.walk(120, seed: seed, withFaults: withFaults)
        guard let complaint = try walk(steps, setting) else { continue }
        let left = shrink(steps) { (try? walk($0, setting)) ?? nil != nil }
        let last = try walk(left, setting) ?? "\(complaint), but not each time"
        Issue.record("seed \(seed): \(last)\n\(code(left, setting))")
        return
      }
    }

    // MARK: Walks that failed once

    /// A nested pass made a ring's poll again before the callback that it was to follow; with the completion queue full,
    /// what it said came after that callback had read everything.
    @Test(arguments: Driver.allCases)
    func aNestedPassDoesNotAskAgainBeforeTheCallback(_ driver: Driver) throws {
      if !Combination.monitors.contains(.ioURing) { return }
      let steps: [WalkStep] = [
        .add(3), .during(.completion, .request(.timeout)), .fill(1), .fill(1), .add(1),
        .request(.read), .during(.completion, .poll), .fill(3), .iterate, .iterate, .request(.read),
      ]
      let others: [WalkStep] = [
        .during(.timer(1), .add(2)), .fill(2), .fill(0), .during(.completion, .request(.timeout)),
        .arm(1, at: 0), .iterate, .request(.read), .during(.completion, .poll), .iterate, .add(0),
        .request(.read),
      ]
      for steps in [steps, others] {
        for engine in EngineCombination.engines {
          let setting = WalkSetting(
            driver: driver, monitor: .ioURing, engine: engine, ringEntries: 2)
          #expect(try walk(steps, setting) == nil)
        }
      }
    }

    // MARK: The walks prove something

    /// It believes that what was cancelled once can never be scheduled again.
    private final class ForgetfulReference: WalkReference {
      private var cancelled: Set<Ticket> = []
      override func cancel(_ ticket: Ticket) {
        cancelled.insert(ticket)
        super.cancel(ticket)
      }
      override func schedule(_ ticket: Ticket) {
        if !cancelled.contains(ticket) { super.schedule(ticket) }
      }
    }

    /// It believes that a handler that follows another one is called for what comes from then on.
    private final class EdgeReference: WalkReference {
      private var isRegistered: Set<Int> = []
      override func add(_ slot: Int, generation: Int) {
        super.add(slot, generation: isRegistered.insert(slot).inserted ? generation : -1)
      }
      override func remove(_ slot: Int) {
        isRegistered.remove(slot)
        super.remove(slot)
      }
    }

    /// It believes that of two timers that are due together the one armed last is called first.
    private final class LastFirstReference: WalkReference {
      private var time: Int64 = 0
      override func arm(_ slot: Int, _ deadline: Int64) {
        time += 1
        super.arm(slot, deadline - time)
      }
    }

    @Test(arguments: Combination.all, 0..<3)
    func aWrongReferenceIsFoundAndTheWalkShrinks(_ combination: Combination, _ which: Int) throws {
      let types: [WalkReference.Type] = [
        ForgetfulReference.self, EdgeReference.self, LastFirstReference.self,
      ]
      let type = types[which]
      for seed in UInt64(1)...100 {
        let setting = WalkSetting(combination, seed: seed)
        let steps = WalkStep.walk(120, seed: seed, withFaults: false)
        if try walk(steps, setting, type) == nil { continue }
        let left = shrink(steps) { (try? walk($0, setting, type)) ?? nil != nil }
        #expect(left.count <= 5, "\(code(left, setting))")
        #expect(try walk(left, setting, type) != nil)
        #expect(try walk(left, setting) == nil, "the right one has nothing to say")
        return
      }
      Issue.record("no walk finds that \(type) is wrong")
    }

    @Test func whatIsNotNeededIsTakenOut() {
      let needed: Set = [3, 57, 58, 99]
      var calls = 0
      let left = shrink(Array(0..<100)) { candidate in
        calls += 1
        return needed.isSubset(of: candidate)
      }
      #expect(left == needed.sorted())
      #expect(calls < 150)
    }
  }
}

/// What is wrong, if anything.
func walk(
  _ steps: [WalkStep], _ setting: WalkSetting, _ reference: WalkReference.Type = WalkReference.self
) throws -> String? {
  let world = try WalkWorld(setting, reference: { reference.init() }, file: WalkFile.shared)
  try world.take(steps)
  return world.violation
}

private func code(_ steps: [WalkStep], _ setting: WalkSetting) -> String {
  let lines = steps.map { "    \($0)," }.joined(separator: "\n")
  return "#expect(\n  try walk(\n  [\n\(lines)\n  ],\n  \(setting.code)) == nil)"
}

private enum WalkFile {
  static let shared = try! TestFile(count: 4096)
}
