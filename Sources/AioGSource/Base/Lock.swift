// A mutex at a stable address.
//
// It is pthread's rather than Synchronization.Mutex: the thread sanitizer sees a pthread lock hand data over, and
// cannot see the slow path of the other, which lives in an uninstrumented library. Any thread may call it.

import Glibc

struct Lock: ~Copyable, @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  /// - Parameter recursive: whether the thread that holds the lock may take it again.
  init(recursive: Bool = false) {
    mutex = .allocate(capacity: 1)
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    if recursive {
      pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
    }
    let status = pthread_mutex_init(mutex, &attributes)
    precondition(status == 0, "pthread_mutex_init failed with error \(status)")
    pthread_mutexattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func lock() {
    let status = pthread_mutex_lock(mutex)
    precondition(status == 0, "pthread_mutex_lock failed with error \(status)")
  }

  func unlock() {
    let status = pthread_mutex_unlock(mutex)
    precondition(status == 0, "a lock was released by a thread that does not hold it")
  }

  @inline(__always)
  func withLock<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    lock()
    defer { unlock() }
    return try body()
  }

  /// Sleeps until `condition` is signalled; the lock must be held, and is held again on return.
  func wait(for condition: borrowing Condition) {
    pthread_cond_wait(condition.condition, mutex)
  }
}

extension Lock {
  /// The same, for `limit` nanoseconds at most (-1: no limit); false if they are over.
  func wait(for condition: borrowing Condition, atMost limit: Int64) -> Bool {
    if limit < 0 {
      wait(for: condition)
      return true
    }
    var deadline = timespec()
    clock_gettime(CLOCK_MONOTONIC, &deadline)
    let nanoseconds = Int64(deadline.tv_nsec) + limit
    deadline.tv_sec += Int(nanoseconds / 1_000_000_000)
    deadline.tv_nsec = Int(nanoseconds % 1_000_000_000)
    return pthread_cond_timedwait(condition.condition, mutex, &deadline) != ETIMEDOUT
  }
}

/// What a thread that holds a `Lock` can sleep on. Signal it with that lock held: a waiter may otherwise destroy it
/// between the change it waits for and the signal.
struct Condition: ~Copyable, @unchecked Sendable {
  fileprivate let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    condition = .allocate(capacity: 1)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    // Its limits are not to jump with the wall clock.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    let status = pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
    precondition(status == 0, "pthread_cond_init failed with error \(status)")
  }

  deinit {
    pthread_cond_destroy(condition)
    condition.deallocate()
  }

  func signal() {
    pthread_cond_signal(condition)
  }

  func broadcast() {
    pthread_cond_broadcast(condition)
  }
}
