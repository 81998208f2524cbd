// The handlers that were seen ready and wait for their callbacks, first in, first out. Home thread only. A class: poll
// callbacks run while it is being filled, and may nest a pass that drains it.
//
// There is one per context and not one per wait: a wait nested in a callback adds to it and its pass drains it, so a
// handler that the outer wait found is served by the innermost pass, once, and a nested blocking wait does not sleep
// on readiness already seen (contract 6.4, 6.5).

final class ReadyList {
  private var first: Handler?
  private var last: Handler?

  var isEmpty: Bool { first == nil }

  /// Adds readiness; a handler that is on the list already stays where it is.
  func push(_ handler: Handler, _ readiness: UInt32) {
    handler.pointee.readiness |= readiness
    append(handler)
  }

  /// The handler's poll callback hit.
  func pushPolled(_ handler: Handler) {
    handler.pointee.isPollReady = true
    append(handler)
  }

  func pop() -> Handler? {
    guard let handler = first else { return nil }
    first = handler.pointee.nextReady
    if first == nil { last = nil }
    handler.pointee.nextReady = nil
    handler.pointee.isReady = false
    return handler
  }

  /// Whether a handler on the list fulfils a condition.
  func contains(where condition: (Handler) -> Bool) -> Bool {
    var cursor = first
    while let handler = cursor {
      if condition(handler) { return true }
      cursor = handler.pointee.nextReady
    }
    return false
  }

  private func append(_ handler: Handler) {
    if handler.pointee.isReady { return }
    handler.pointee.isReady = true
    if let last {
      last.pointee.nextReady = handler
    } else {
      first = handler
    }
    last = handler
  }
}
