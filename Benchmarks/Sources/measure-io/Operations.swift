// So many operations, a few of them under way at a time, each made anew when it is done: what the I/O rows have in common.
// A final class over a value that says what an operation is, and which is not written to: so that no check of
// exclusive access, nor a dynamic call, is measured along.

import AioGSource
import Measuring

/// What is measured.
protocol Work: Sendable {
  /// What the engine calls, in a struct that has its exact type: a closure that is kept as a generic one is wrapped anew, in
  /// memory from the allocator, each time it is passed on.
  associatedtype Completion

  /// Calls `end` when an operation is done, and ends the program if that came to something else than it should.
  static func completion(_ end: @escaping @Sendable () -> Void) -> Completion

  /// Makes an operation. A slot has one under way.
  func start(_ slot: Int, _ completion: Completion)
}

/// The completion of what counts bytes.
struct CountCompletion {
  let call: AIOEngine.Completion

  init(_ expected: Int, _ what: String, _ end: @escaping @Sendable () -> Void) {
    call = { result in
      guard case .success(expected) = result else { fail("\(what) came to \(result)") }
      end()
    }
  }
}

/// On the context's home thread, the main one. It lives as long as the program.
final class Operations<Kind: Work>: @unchecked Sendable {
  let context: AioContext
  private let loop: MainLoop?
  private let depth: Int
  private let work: Kind
  private let completions: UnsafeMutablePointer<Kind.Completion>
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
      (completions + slot).initialize(to: Kind.completion { [self] in end(slot) })
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

  private func end(_ slot: Int) {
    underWay -= 1
    if left > 0 {
      next(slot)
    } else if underWay == 0 {
      loop?.quit()
    }
  }
}
