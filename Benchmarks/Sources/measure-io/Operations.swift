// So many operations, a few of them under way at a time, each made anew when it is done: what the I/O rows have in common.

import AioGSource
import Measuring
import SystemPackage

/// On the context's home thread, the main one.
class Operations: @unchecked Sendable {
  let context: AioContext
  private let loop: MainLoop?
  private let depth: Int
  private var left = 0
  private var underWay = 0

  /// - Parameter inGLib: whether GLib's main loop runs the context.
  init(_ context: AioContext, depth: Int, inGLib: Bool = false) throws {
    self.context = context
    loop = inGLib ? MainLoop() : nil
    self.depth = depth
    if inGLib { try context.attach() }
  }

  /// Starts one, which calls `end` when it is done.
  func start(_ slot: Int) { fatalError() }

  final func run(_ count: Int) {
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
  private final func next(_ slot: Int) {
    left -= 1
    underWay += 1
    start(slot)
  }

  @inline(__always)
  final func end(_ slot: Int) {
    underWay -= 1
    if left > 0 {
      next(slot)
    } else if underWay == 0 {
      loop?.quit()
    }
  }
}
