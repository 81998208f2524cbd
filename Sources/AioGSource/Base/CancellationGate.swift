// The meeting of an operation and its task's cancellation, which comes when it likes, on any thread: before the operation
// was begun, while it is under way, or when it is over.
//
// Guarantees: who cancels first has the operation not begin; who begins first is told of the cancellation by way of what it
// left here. A cancellation that comes after the end finds what is left, and the generation tells that it is another's by
// now. It touches nothing else, and stays where it is for as long as an operation uses it: in an Awaiter.
//
// Modelled by Models/cancellation-gate.pml (reset, begun, cancel).

import Synchronization

struct CancellationGate: ~Copyable {
  private enum Word {
    static let empty: UInt = 0
    static let cancelled: UInt = 1
  }

  /// What a cancellation has to end: an address, and which of its uses it is.
  struct Target: Equatable, @unchecked Sendable {
    var address: UnsafeMutableRawPointer
    var generation: UInt32
  }

  private let word = Atomic<UInt>(Word.empty)
  private let generation = Atomic<UInt32>(0)

  /// Whether the operation must not begin. Before it is begun.
  var isCancelled: Bool { word.load(ordering: .relaxed) == Word.cancelled }

  /// To be used for another operation, with no cancellation of the one before under way.
  @inline(__always)
  borrowing func reset() { word.store(Word.empty, ordering: .relaxed) }

  /// The operation was begun. True if it was cancelled meanwhile, and the caller has to end it.
  @inline(__always)
  borrowing func begun(_ target: Target) -> Bool {
    generation.store(target.generation, ordering: .relaxed)
    // G1: releases the generation, and the operation itself, to the cancelling thread. Pairs with G2 in `cancel`.
    let before = word.compareExchange(
      expected: Word.empty, desired: UInt(bitPattern: target.address), ordering: .releasing)
    return !before.exchanged
  }

  /// The task was cancelled. What the caller has to end; nil where nothing was begun, and nothing will be.
  borrowing func cancel() -> Target? {
    // G2: pairs with G1 in `begun`.
    let before = word.exchange(Word.cancelled, ordering: .acquiring)
    guard before > Word.cancelled, let address = UnsafeMutableRawPointer(bitPattern: before) else {
      return nil
    }
    return Target(address: address, generation: generation.load(ordering: .relaxed))
  }
}
