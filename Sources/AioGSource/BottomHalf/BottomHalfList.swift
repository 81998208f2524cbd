// A first-in first-out list of bottom halves, linked by `next`. Not synchronized: the home thread's.

struct BottomHalfList {
  typealias Node = BottomHalfQueue.Node

  private(set) var first: Node?
  private var last: Node?

  var isEmpty: Bool { first == nil }

  @inline(__always)
  mutating func append(_ node: Node) {
    node.pointee.next = nil
    if let last { last.pointee.next = node } else { first = node }
    last = node
  }

  /// Appends another, which is empty afterwards.
  @inline(__always)
  mutating func append(_ other: inout BottomHalfList) {
    guard let node = other.first else { return }
    if let last { last.pointee.next = node } else { first = node }
    last = other.last
    other = BottomHalfList()
  }

  /// Appends what hangs on `youngest`, each linked to the one before it, oldest first.
  @inline(__always)
  mutating func append(reversed youngest: Node) {
    var node = youngest
    var younger: Node?
    while true {
      let older = node.pointee.next
      node.pointee.next = younger
      younger = node
      guard let next = older else { break }
      node = next
    }
    if let last { last.pointee.next = node } else { first = node }
    last = youngest
  }

  @inline(__always)
  mutating func removeFirst() -> Node? {
    guard let node = first else { return nil }
    first = node.pointee.next
    if first == nil { last = nil }
    return node
  }
}
