// Who gets an AsyncReadWriteLock, and as what: a value without threads. What it returns, AsyncReadWriteLock does.
//
// First come, first served: nobody gets the lock while somebody waits, and whenever the lock changes hands, those at
// the head of the queue get it who can have it together: one writer, or all readers up to the next writer. So after
// each function here the head of the queue is one that cannot have the lock now. Those whose turn came in the meantime
// are handed out, in their order, by `takeResumable`.

struct AsyncReadWriteState<Waiter> {
  enum Access: Equatable {
    case read
    case write
  }

  typealias Queue = WaiterQueue<Access, Waiter>

  enum Upgrade: Equatable {
    case atOnce
    /// `suspend` has to follow.
    case wait(Queue.Ticket)
    case notReading
  }

  private(set) var readers = 0
  private(set) var isWriting = false
  private var queue = Queue()

  /// How many wait for their turn.
  var waiting: Int { queue.count }

  var isFree: Bool { readers == 0 && !isWriting }

  // MARK: Getting it

  /// True if the caller has it now.
  mutating func tryLock(_ access: Access) -> Bool {
    queue.isEmpty && admit(access)
  }

  /// Nil if the caller has it now; else its place in the queue. `suspend` has to follow.
  mutating func lock(_ access: Access) -> Queue.Ticket? {
    tryLock(access) ? nil : queue.join(access)
  }

  mutating func suspend(_ ticket: Queue.Ticket, _ waiter: Waiter) -> Queue.Suspension {
    queue.suspend(ticket, waiter)
  }

  /// Those behind it may have waited for nobody else, and come next.
  mutating func cancel(_ ticket: Queue.Ticket) -> Queue.Cancellation {
    let cancellation = queue.cancel(ticket)
    admitFirst()
    return cancellation
  }

  /// The next one whose turn came and that has suspended, to be resumed.
  mutating func takeResumable() -> Waiter? {
    queue.takeResumable()
  }

  // MARK: Giving it up

  /// False if nobody reads.
  mutating func readUnlock() -> Bool {
    if readers == 0 { return false }
    readers -= 1
    admitFirst()
    return true
  }

  /// False if nobody writes.
  mutating func writeUnlock() -> Bool {
    if !isWriting { return false }
    isWriting = false
    admitFirst()
    return true
  }

  // MARK: From one to the other

  /// The writer becomes a reader, beside those who are first in the queue. False if nobody writes.
  mutating func downgrade() -> Bool {
    if !isWriting { return false }
    isWriting = false
    readers = 1
    admitFirst()
    return true
  }

  /// The reader becomes the writer at once if it is alone and nobody waits; else it reads no more, and has a place in
  /// the queue.
  mutating func upgrade() -> Upgrade {
    if readers == 0 { return .notReading }
    if readers == 1 && queue.isEmpty {
      readers = 0
      isWriting = true
      return .atOnce
    }
    let ticket = queue.join(.write)
    readers -= 1
    admitFirst()
    return .wait(ticket)
  }

  // MARK: Admission

  private mutating func admit(_ access: Access) -> Bool {
    switch access {
    case .read:
      if isWriting { return false }
      readers += 1
    case .write:
      if !isFree { return false }
      isWriting = true
    }
    return true
  }

  private mutating func admitFirst() {
    while let access = queue.first, admit(access) {
      queue.grantFirst()
    }
  }
}
