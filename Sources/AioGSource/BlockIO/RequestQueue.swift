// Requests in the order in which they came, linked through themselves: what backends queue, and what waits for a pass. A
// value for one thread, or under one lock, at a time; a request is on one queue at the most.

struct RequestQueue {
  private(set) var first: Request?
  private(set) var last: Request?
  private(set) var count = 0

  var isEmpty: Bool { first == nil }

  @inline(__always)
  mutating func append(_ request: Request) {
    request.pointee.next = nil
    request.pointee.previous = last
    if let last {
      last.pointee.next = request
    } else {
      first = request
    }
    last = request
    count += 1
  }

  mutating func prepend(_ request: Request) {
    request.pointee.previous = nil
    request.pointee.next = first
    if let first {
      first.pointee.previous = request
    } else {
      last = request
    }
    first = request
    count += 1
  }

  @inline(__always)
  mutating func removeFirst() -> Request? {
    guard let request = first else { return nil }
    first = request.pointee.next
    if let first {
      first.pointee.previous = nil
    } else {
      last = nil
    }
    request.pointee.next = nil
    count -= 1
    return request
  }

  mutating func remove(_ request: Request) {
    if let previous = request.pointee.previous {
      previous.pointee.next = request.pointee.next
    } else {
      first = request.pointee.next
    }
    if let next = request.pointee.next {
      next.pointee.previous = request.pointee.previous
    } else {
      last = request.pointee.previous
    }
    request.pointee.next = nil
    request.pointee.previous = nil
    count -= 1
  }

  /// Moves all of another queue to the end of this one.
  @inline(__always)
  mutating func append(contentsOf other: inout RequestQueue) {
    guard let head = other.first else { return }
    head.pointee.previous = last
    if let last {
      last.pointee.next = head
    } else {
      first = head
    }
    last = other.last
    count += other.count
    other = RequestQueue()
  }
}
