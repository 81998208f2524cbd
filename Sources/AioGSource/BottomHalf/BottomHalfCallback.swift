// The callback of a bottom half, which may be let go of while it runs: it is kept until then by a count of its own, for
// to retain it costs two atomic operations a call. Home thread only, but for `init` and `body`.

final class BottomHalfCallback {
  let body: @Sendable () -> Void
  /// How many calls are under way: a callback may nest a pass that calls it again.
  @exclusivity(unchecked) private var calls = 0
  @exclusivity(unchecked) private var isDropped = false

  init(_ body: @escaping @Sendable () -> Void) {
    self.body = body
  }

  @inline(__always)
  static func call(_ callback: Unmanaged<BottomHalfCallback>) {
    let isOver = callback._withUnsafeGuaranteedRef {
      $0.calls += 1
      $0.body()
      $0.calls -= 1
      return $0.isDropped && $0.calls == 0
    }
    if isOver { callback.release() }
  }

  /// Lets go of it, at once or when its call returns.
  static func drop(_ callback: Unmanaged<BottomHalfCallback>) {
    let isCalled = callback._withUnsafeGuaranteedRef {
      $0.isDropped = true
      return $0.calls > 0
    }
    if !isCalled { callback.release() }
  }
}
