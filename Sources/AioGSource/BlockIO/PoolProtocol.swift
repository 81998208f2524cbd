// When a thread pool starts a worker, wakes one, or lets one go: a value without threads, locks or clocks. The pool
// changes it under its lock and performs what it returns. Contract 19.2, 19.3, 19.7.
//
// A worker is starting (being created), idle (asleep, or about to look), or busy. One worker is started at a time, and each
// worker that begins starts the next while more is queued than there are workers free to take it: so a burst costs the
// submitting thread one creation, and one idle worker does not hold up two jobs (H11).
//
// Checked, with the threads around it, by Models/thread-pool.pml, which knows these functions by name.

struct PoolProtocol: Equatable {
  /// What the pool is to do besides.
  struct Actions: Equatable {
    /// Create a worker.
    var start = false
    /// Wake so many idle workers.
    var wake = 0
  }

  enum Turn: Equatable {
    case work
    /// Sleep until woken.
    case sleep
    /// Sleep until woken, or for the idle time.
    case sleepBriefly
    case exit
  }

  private(set) var minimum: Int
  private(set) var maximum: Int
  /// Jobs nobody has.
  private(set) var queued = 0
  private(set) var idle = 0
  /// Of the idle ones, those that were woken and have not looked yet.
  private(set) var waking = 0
  private(set) var starting = 0
  /// All workers: idle, busy, starting.
  private(set) var workers = 0
  private(set) var isStopping = false

  init(minimum: Int = 0, maximum: Int = 64) {
    self.minimum = minimum
    self.maximum = maximum
  }

  /// - Parameter free: how many workers are there for what is queued.
  private func needsWorker(free: Int) -> Bool {
    if isStopping || starting > 0 || workers >= maximum { return false }
    return workers < minimum || queued > free
  }

  private mutating func startIfNeeded(free: Int) -> Bool {
    guard needsWorker(free: free) else { return false }
    starting += 1
    workers += 1
    return true
  }

  mutating func enqueued(_ count: Int) -> Actions {
    queued += count
    let wake = min(count, max(0, idle - waking))
    waking += wake
    return Actions(start: startIfNeeded(free: idle), wake: wake)
  }

  /// A job was taken back by who had queued it.
  mutating func withdrawn() {
    queued -= 1
  }

  /// A new worker runs. True if it is to create the next one first.
  mutating func workerStarted() -> Bool {
    starting -= 1
    // It is free itself, and takes one.
    return startIfNeeded(free: idle + 1)
  }

  /// A worker could not be created.
  mutating func startFailed() {
    starting -= 1
    workers -= 1
  }

  /// There are no workers, and none to be had: the caller takes a job. False if there is none.
  mutating func takeWithoutWorker() -> Bool {
    if queued == 0 { return false }
    queued -= 1
    return true
  }

  /// A worker has nothing in hand. `work`: it takes a job.
  mutating func nextTurn(idleTimeIsOver: Bool = false) -> Turn {
    if workers > maximum { return leave() }
    if queued > 0 {
      queued -= 1
      return .work
    }
    if isStopping || (idleTimeIsOver && workers > minimum) { return leave() }
    idle += 1
    return workers > minimum ? .sleepBriefly : .sleep
  }

  /// The sleep is over, for whatever reason.
  mutating func wokeUp() {
    idle -= 1
    if waking > 0 { waking -= 1 }
  }

  private mutating func leave() -> Turn {
    workers -= 1
    return .exit
  }

  mutating func setLimits(minimum: Int, maximum: Int) -> Actions {
    self.minimum = minimum
    self.maximum = maximum
    // All of them look again: some have to go, or to sleep no longer than briefly.
    waking = idle
    return Actions(start: startIfNeeded(free: idle), wake: idle)
  }

  mutating func stop() -> Actions {
    isStopping = true
    waking = idle
    return Actions(start: false, wake: idle)
  }
}
