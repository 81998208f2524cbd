// What is in the queue, for descriptions.

import Synchronization

extension BottomHalfQueue {
  /// Every bottom half with its state. Home thread: it reads the queue as well as the registry.
  func describe() -> [(name: String, state: String)] {
    var rows: [(String, String)] = []
    lock.withLock {
      var cursor = registry
      while let registered = cursor {
        let node = Self.node(registered)
        let flags = node.pointee.flags.load(ordering: .relaxed)
        if flags & Flag.deleted == 0 { rows.append((node.pointee.name, Self.state(flags))) }
        cursor = registered.pointee.next
      }
    }
    for start in [appended.first, stack.load(ordering: .acquiring), running.first] {
      var cursor = start
      while let node = cursor {
        let flags = node.pointee.flags.load(ordering: .relaxed)
        if flags & Flag.oneShot != 0 { rows.append((node.pointee.name, Self.state(flags))) }
        cursor = node.pointee.next
      }
    }
    return rows
  }

  private static func state(_ flags: UInt32) -> String {
    let kind = flags & Flag.oneShot != 0 ? "one-shot, " : ""
    if flags & Flag.scheduled == 0 { return kind + "not scheduled" }
    return kind + (flags & Flag.idle != 0 ? "scheduled idle" : "scheduled")
  }
}
