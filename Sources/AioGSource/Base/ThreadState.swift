// What a thread has of its own: which context it runs right now, which one it is home to, and memory for what it hands to
// other threads. One per thread, made at first use and dropped when the thread ends.

import CThreadState
import Glibc
import Synchronization

final class ThreadState {
  /// The innermost context whose pass, or whose driver, is running on this thread. It is alive while it is here.
  var running: Unmanaged<AnyObject>?
  /// The context this thread became home to last.
  weak var bound: AnyObject?
  /// Whether it is in a home section (NotifyState): written by the thread itself, its signal handlers included.
  let isInHomeSection = Atomic<Bool>(false)

  /// For what the thread makes and another lets go of. The thread's own.
  @exclusivity(unchecked) var slots = SlotAllocator()

  private init() {}

  static var current: ThreadState { unretainedCurrent.takeUnretainedValue() }

  /// Whatever this thread does with it: it has a reference until it ends.
  @inline(__always)
  static var unretainedCurrent: Unmanaged<ThreadState> { unretained ?? make() }

  @inline(never)
  private static func make() -> Unmanaged<ThreadState> {
    let state = ThreadState()
    // The key is there for its destructor, which runs when the thread ends.
    pthread_setspecific(threadStateKey, Unmanaged.passRetained(state).toOpaque())
    aiogs_set_thread_state(state.address)
    return .passUnretained(state)
  }

  /// What identifies a thread for as long as somebody retains its state; 0 where it has none yet.
  @inline(__always)
  static var address: UInt { UInt(aiogs_thread_state()) }

  var address: UInt { UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()) }

  /// Makes what `forget` uses.
  static func prepareToForget() { _ = threadStateKey }

  /// In the child of a fork: this thread is home to nothing there. What the parent's thread has is not let go of.
  static func forget() {
    pthread_setspecific(threadStateKey, nil)
    aiogs_set_thread_state(0)
  }

  /// The same, without making one.
  @inline(__always)
  static var unretained: Unmanaged<ThreadState>? {
    UnsafeRawPointer(bitPattern: address).map { Unmanaged<ThreadState>.fromOpaque($0) }
  }

  @inline(__always)
  static var ifPresent: ThreadState? {
    unretained?.takeUnretainedValue()
  }
}

private let threadStateKey: pthread_key_t = {
  var key = pthread_key_t()
  let status = pthread_key_create(&key) { pointer in
    aiogs_set_thread_state(0)
    if let pointer { Unmanaged<ThreadState>.fromOpaque(pointer).release() }
  }
  precondition(status == 0, "pthread_key_create failed with error \(status)")
  return key
}()
