// Waiting, in one's own loop, for something that another context does. Stands for AIO_WAIT_WHILE and its relatives.

import Synchronization

extension AioContext {
  /// Runs a loop until `condition` is false: this context's on its home thread, else the calling thread's current
  /// context, whose callbacks run meanwhile. Whoever makes the condition false has to call ``kick()`` on this context.
  ///
  /// Home thread of this context, or any thread that has a current context; traps on others. Two contexts may wait for
  /// each other.
  ///
  /// - Returns: whether it had to wait.
  ///
  /// Stands for `AIO_WAIT_WHILE`.
  @discardableResult
  public func wait(while condition: () -> Bool) -> Bool {
    notifyState.requireOwnProcess("wait(while:)")
    let loop: AioContext
    if isHomeThread || !notifyState.hasHome {
      loop = self
    } else if let current = AioContext.current {
      loop = current
    } else {
      preconditionFailure(
        """
        wait(while:) for AioContext '\(name)' was called on a thread that has no current context \
        to run while it waits
        """)
    }
    let wakeUp = loop.makeBottomHalf(name: "waiting for \(name)") {}
    waiters.add(wakeUp)
    defer { waiters.remove(wakeUp) }
    var waited = false
    while condition() {
      loop.poll(blocking: true)
      waited = true
    }
    return waited
  }

  /// Has everyone who waits for this context look at the condition again. After the change. Any thread.
  ///
  /// Stands for `aio_wait_kick`.
  public func kick() {
    waiters.kick()
  }

  /// Runs `body` on this context's home thread and waits for it, running the calling thread's loop meanwhile.
  ///
  /// The same threads as ``wait(while:)``. Stands for `aio_wait_bh_oneshot`.
  public func runAndWait(_ body: @escaping @Sendable () -> Void) {
    let done = Flag()
    schedule(name: "runAndWait") { [self] in
      body()
      done.set()
      kick()
    }
    wait { !done.isSet }
  }

  private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
  }
}
