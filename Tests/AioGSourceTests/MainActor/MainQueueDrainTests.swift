// The state machine that decides who drains the main queue, without a queue.

import SeededRandom
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct MainQueueDrainTests {
    private let drain = Machine()

    @Test func aWakeUpIsDrained() {
      for _ in 0..<3 {
        #expect(drain.becameReadable() == .drain)
        #expect(!drain.drainEnded())
      }
    }

    @Test func aDrainIsNotEnteredAgain() {
      #expect(drain.becameReadable() == .drain)
      #expect(drain.becameReadable() == .remember)
      #expect(drain.becameReadable() == .remember)
      // Once for all of them.
      #expect(drain.drainEnded())
      #expect(drain.becameReadable() == .drain)
      #expect(!drain.drainEnded())
    }

    /// A nested loop of a timer of Foundation's, say: the drain may be ignored, for the pass may be draining itself.
    @Test func aDrainInsideOfAPassIsTriedAndRemembered() {
      drain.runLoopPassBegan()
      #expect(drain.becameReadable() == .drain)
      // Not yet: if it was ignored, it would be again, and the loop would spin.
      #expect(!drain.drainEnded())
      #expect(drain.becameReadable() == .drain)
      #expect(!drain.drainEnded())
      #expect(drain.runLoopPassEnded())
      drain.runLoopPassBegan()
      #expect(!drain.runLoopPassEnded())
    }

    @Test func onlyTheOutermostPassSignals() {
      drain.runLoopPassBegan()
      // This one may take a wake-up while the other one drains.
      drain.runLoopPassBegan()
      #expect(!drain.runLoopPassEnded())
      #expect(drain.runLoopPassEnded())
    }

    /// The pass reads the descriptor as well, and its own drain is ignored.
    @Test func aPassInsideOfADrainIsMadeGoodFor() {
      #expect(drain.becameReadable() == .drain)
      drain.runLoopPassBegan()
      #expect(!drain.runLoopPassEnded())
      #expect(drain.drainEnded())
    }

    @Test func aDrainInsideOfAPassInsideOfADrainIsNotEntered() {
      #expect(drain.becameReadable() == .drain)
      drain.runLoopPassBegan()
      #expect(drain.becameReadable() == .remember)
      #expect(!drain.runLoopPassEnded())
      #expect(drain.drainEnded())
    }

    /// Whatever happens in whatever order: a drain is never entered twice, and no wake-up that was not drained is forgotten.
    @Test(arguments: 0..<200) func noWakeUpIsForgotten(_ seed: UInt64) {
      var generator = SeededGenerator(seed: seed)
      var model = Model()
      for _ in 0..<200 { model.step(&generator) }
      model.finish()
    }
  }
}

/// The machine behind a reference, so that an expectation may have it make a step.
private final class Machine {
  private var state = MainQueueDrain()
  func becameReadable() -> MainQueueDrain.Action { state.becameReadable() }
  func drainEnded() -> Bool { state.drainEnded() }
  func runLoopPassBegan() { state.runLoopPassBegan() }
  func runLoopPassEnded() -> Bool { state.runLoopPassEnded() }
}

/// A main queue with a stack of frames above it, each a drain or a pass that may or may not be draining.
private struct Model {
  private enum Frame {
    case drain
    case ignoredDrain
    case pass(drains: Bool)
  }

  private let machine = Machine()
  private var stack: [Frame] = []
  private var isReadable = false
  /// Something was enqueued that no drain has begun after.
  private var isWaiting = false

  private var isReallyDraining: Bool {
    stack.contains {
      switch $0 {
      case .drain, .pass(drains: true): true
      case .ignoredDrain, .pass: false
      }
    }
  }

  mutating func step(_ generator: inout SeededGenerator) {
    switch generator.next() % 4 {
    case 0:
      isWaiting = true
      isReadable = true
    case 1: if isReadable { read() }
    case 2: beginPass()
    default: if !stack.isEmpty { end() }
    }
  }

  private mutating func read() {
    isReadable = false
    switch machine.becameReadable() {
    case .remember:
      #expect(isReallyDraining, "a wake-up was put off with nobody draining")
    case .drain:
      if isReallyDraining {
        #expect(!stack.contains { if case .drain = $0 { true } else { false } })
        stack.append(.ignoredDrain)
        end()
      } else {
        isWaiting = false
        stack.append(.drain)
      }
    }
  }

  private mutating func beginPass() {
    machine.runLoopPassBegan()
    // It takes the wake-up whether it can drain or not.
    let drains = isReadable && !isReallyDraining
    isReadable = false
    if drains { isWaiting = false }
    stack.append(.pass(drains: drains))
  }

  private mutating func end() {
    let signals =
      switch stack.removeLast() {
      case .drain, .ignoredDrain: machine.drainEnded()
      case .pass: machine.runLoopPassEnded()
      }
    if signals { isReadable = true }
  }

  mutating func finish() {
    while !stack.isEmpty { end() }
    #expect(isReadable || !isWaiting, "a wake-up was forgotten")
    // And it comes to rest.
    for _ in 0..<3 where isReadable {
      read()
      while !stack.isEmpty { end() }
    }
    #expect(!isReadable && !isWaiting)
  }
}
