// What a thread knows of the contexts it runs: which one is being run right now, and which one it is home to. One per
// thread, made at first use and dropped when the thread ends.

import CLiburing
import Glibc

final class ThreadState {
  /// The innermost context whose pass, or whose driver, is running on this thread. It is alive while it is here.
  var running: Unmanaged<AnyObject>?
  /// The context this thread became home to last.
  weak var bound: AnyObject?

  private init() {}

  static var current: ThreadState {
    let key = threadStateKey
    if let pointer = pthread_getspecific(key) {
      return Unmanaged<ThreadState>.fromOpaque(pointer).takeUnretainedValue()
    }
    let state = ThreadState()
    pthread_setspecific(key, Unmanaged.passRetained(state).toOpaque())
    return state
  }

  /// What identifies a thread for as long as somebody retains its state; 0 where it has none yet.
  static var address: UInt { UInt(bitPattern: pthread_getspecific(threadStateKey)) }

  var address: UInt { UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()) }

  /// In the child of a fork: this thread is home to nothing there. What the parent's thread has is not let go of.
  static func forget() {
    pthread_setspecific(threadStateKey, nil)
  }

  /// The same, without making one.
  static var ifPresent: ThreadState? {
    pthread_getspecific(threadStateKey).map {
      Unmanaged<ThreadState>.fromOpaque($0).takeUnretainedValue()
    }
  }
}

private let threadStateKey: pthread_key_t = {
  var key = pthread_key_t()
  let status = pthread_key_create(&key) { pointer in
    if let pointer { Unmanaged<ThreadState>.fromOpaque(pointer).release() }
  }
  precondition(status == 0, "pthread_key_create failed with error \(status)")
  return key
}()
