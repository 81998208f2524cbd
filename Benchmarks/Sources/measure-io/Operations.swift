// So many operations, a few of them under way at a time, each made anew when it is done: what the I/O rows have in common.
// A final class over a value that says what an operation is, and which is not written to: so that no check of
// exclusive access, nor a dynamic call, is measured along.

import AioGSource
import Measuring

/// What is measured.
protocol Work: Sendable {
  associatedtype Outcome: Sendable

  /// Makes an operation, which calls `completion` when it is done. A slot has one under way.
  func start(_ slot: Int, _ completion: @escaping @Sendable (Outcome) -> Void)

  /// Ends the program if an operation came to something else than it should.
  static func check(_ outcome: Outcome)
}

/// On the context's home thread, the main one. It lives as long as the program.
final class Operations<Kind: Work>: @unchecked Sendable {
  let context: AioContext
  private let loop: MainLoop?
  private let depth: Int
  private let work: Kind
  private let completions: UnsafeMutablePointer<@Sendable (Kind.Outcome) -> Void>
  private var left = 0
  private var underWay = 0

  /// - Parameter inGLib: whether GLib's main loop runs the context.
  init(_ work: Kind, on context: AioContext, depth: Int, inGLib: Bool = false) throws {
    self.work = work
    self.context = context
    self.depth = depth
    loop = inGLib ? MainLoop() : nil
    if inGLib { try context.attach() }
    completions = .allocate(capacity: depth)
    for slot in 0..<depth {
      (completions + slot).initialize(to: { [self] in end(slot, $0) })
    }
  }

  func run(_ count: Int) {
    left = count
    context.io.withBatch {
      for slot in 0..<min(depth, count) { next(slot) }
    }
    if let loop {
      loop.run()
    } else {
      while underWay > 0 { context.poll(blocking: true) }
    }
    check(left == 0, "\(left) operations of \(count) were not done")
  }

  @inline(__always)
  private func next(_ slot: Int) {
    left -= 1
    underWay += 1
    work.start(slot, completions[slot])
  }

  private func end(_ slot: Int, _ outcome: Kind.Outcome) {
    Kind.check(outcome)
    underWay -= 1
    if left > 0 {
      next(slot)
    } else if underWay == 0 {
      loop?.quit()
    }
  }
}
