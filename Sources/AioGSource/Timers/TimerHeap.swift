// A four-way heap of deadlines: O(log n) to arm, move and disarm, and equal deadlines leave in the order in which they
// were armed. A value under its owner's lock; it knows nothing of clocks or callbacks.
//
// Four children a node: they share a cache line or two, and the tree of a million is ten levels deep instead of twenty.
// The entries hold the key beside the pointer, so that sifting does not visit the timers' own memory except to tell
// each where it went.

/// What a timer is on the inside: raw memory that its handle owns, and frees under no reference from the heap.
struct TimerNode: ~Copyable {
  /// Where it is in the heap, -1 while it is not armed.
  var heapPosition = -1
  let name: String
  let callback: @Sendable () -> Void

  init(name: String, callback: @escaping @Sendable () -> Void) {
    self.name = name
    self.callback = callback
  }
}

struct TimerHeap: ~Copyable {
  struct Entry {
    var deadline: Int64
    /// Breaks ties: first armed, first out.
    var sequence: UInt64
    var timer: UnsafeMutablePointer<TimerNode>

    @inline(__always)
    func precedes(_ other: Entry) -> Bool {
      deadline != other.deadline ? deadline < other.deadline : sequence < other.sequence
    }
  }

  private var entries: UnsafeMutablePointer<Entry>
  private var capacity: Int
  private(set) var count = 0
  private var nextSequence: UInt64 = 0

  init() {
    capacity = 16
    entries = .allocate(capacity: capacity)
  }

  deinit {
    entries.deallocate()
  }

  var first: Entry? { count == 0 ? nil : entries[0] }

  subscript(position: Int) -> Entry { entries[position] }

  /// Puts a timer in, or moves one that is in, and makes it the last among its equals.
  mutating func arm(_ timer: UnsafeMutablePointer<TimerNode>, deadline: Int64) {
    let entry = Entry(deadline: deadline, sequence: nextSequence, timer: timer)
    nextSequence &+= 1
    let position = timer.pointee.heapPosition
    if position < 0 {
      if count == capacity { grow() }
      count += 1
      siftUp(entry, from: count - 1)
    } else if entry.precedes(entries[position]) {
      siftUp(entry, from: position)
    } else {
      siftDown(entry, from: position)
    }
  }

  /// Takes out the one at `position`.
  mutating func remove(at position: Int) {
    setPosition(entries[position], -1)
    count -= 1
    if position == count { return }
    let moved = entries[count]
    if position > 0 && moved.precedes(entries[(position - 1) >> 2]) {
      siftUp(moved, from: position)
    } else {
      siftDown(moved, from: position)
    }
  }

  private mutating func siftUp(_ entry: Entry, from start: Int) {
    var position = start
    while position > 0 {
      let parent = (position - 1) >> 2
      if !entry.precedes(entries[parent]) { break }
      place(entries[parent], at: position)
      position = parent
    }
    place(entry, at: position)
  }

  private mutating func siftDown(_ entry: Entry, from start: Int) {
    var position = start
    while true {
      let firstChild = position << 2 + 1
      if firstChild >= count { break }
      var least = firstChild
      var child = firstChild + 1
      while child < count && child < firstChild + 4 {
        if entries[child].precedes(entries[least]) { least = child }
        child += 1
      }
      if !entries[least].precedes(entry) { break }
      place(entries[least], at: position)
      position = least
    }
    place(entry, at: position)
  }

  @inline(__always)
  private func place(_ entry: Entry, at position: Int) {
    entries[position] = entry
    setPosition(entry, position)
  }

  @inline(__always)
  private func setPosition(_ entry: Entry, _ position: Int) {
    entry.timer.pointee.heapPosition = position
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: entries, count: count)
    entries.deallocate()
    entries = larger
    capacity *= 2
  }
}
