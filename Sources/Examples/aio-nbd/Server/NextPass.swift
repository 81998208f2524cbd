// Waiting for the loop to have been to the kernel once. One task's, on the context.

import AioGSource

final class NextPass: @unchecked Sendable {
  private var bottomHalf: BottomHalf?
  private var waiting: UnsafeContinuation<Void, Never>?

  init(of context: AioContext) {
    bottomHalf = context.makeBottomHalf(name: "nbd next pass") { [unowned self] in
      let continuation = waiting.take()
      continuation?.resume()
    }
  }

  /// Returns in the next pass: what was begun in this one is with the kernel by then, and may have ended.
  func next() async {
    await withUnsafeContinuation {
      waiting = $0
      bottomHalf?.schedule()
    }
  }
}
