// Whether this process is a child, by fork(2), of the one that made a context. The child has copies of a context's
// memory and shares its descriptors, but none of its threads: to run it there would take events from the parent.
//
// A handler of pthread_atfork(3) counts, and takes the thread's state from the thread that forked. So in the child no
// thread is any context's home, and the slow path that makes one asks here; the paths that run per event ask nothing. The
// handler runs in the child before fork(2) returns, and does nothing there that takes a lock or allocates.

import Glibc
import Synchronization

enum ForkWatch {
  private static let forks = Atomic<Int>(0)

  /// How many times this process and its ancestors forked, the parent's count not included. Any thread.
  static var generation: Int {
    _ = isInstalled
    return forks.load(ordering: .relaxed)
  }

  private static let isInstalled: Bool = {
    // What is made at first use may not be made in the handler.
    ThreadState.prepareToForget()
    _ = forks.load(ordering: .relaxed)
    let status = pthread_atfork(nil, nil) {
      forks.add(1, ordering: .relaxed)
      ThreadState.forget()
    }
    precondition(status == 0, "pthread_atfork failed with error \(status)")
    return true
  }()
}
