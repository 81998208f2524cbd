// The process's signal handlers, as far as they are ours: set for a signal while there is a subscription to it.
//
// The handler is async-signal-safe: it takes no lock, allocates nothing, and leaves errno as it was. What Swift sets
// up at first use is used before the first handler is set, in `subscribe`.

import Glibc
import SystemPackage

enum SignalHandlers {
  private static let state = State()

  /// Has the signals delivered to `target`, which has to be there until `unsubscribe` has returned. Any thread.
  ///
  /// - Throws: what sigaction(2) says, `Errno.invalidArgument` for a signal that the C library keeps for itself.
  ///   Nothing is changed then.
  static func subscribe(
    _ signals: SignalSet, target: Unmanaged<BottomHalf>
  ) throws(Errno) -> SignalSlot.Pointer {
    // First, so that no signal comes between the old disposition and us.
    let slot = slots.join(signals, target: target)
    // What the handler does, once. A real schedule may be taken back with this one: nobody waits yet.
    slots.deliver(0)
    target._withUnsafeGuaranteedRef {
      $0.schedule()
      $0.cancel()
    }
    do {
      try state.install(signals)
    } catch {
      slots.leave(slot)
      throw error
    }
    return slot
  }

  /// Any thread, but not in a signal handler.
  static func unsubscribe(_ slot: SignalSlot.Pointer, _ signals: SignalSet) {
    state.restore(signals)
    slots.leave(slot)
  }

  private final class State: @unchecked Sendable {
    private let lock = Lock()
    // Under the lock, by signal number.
    private var subscriptions = [Int](repeating: 0, count: Int(SignalSet.numbers.upperBound) + 1)
    private var previous = [Disposition](
      repeating: Disposition(), count: Int(SignalSet.numbers.upperBound) + 1)

    func install(_ signals: SignalSet) throws(Errno) {
      try lock.withLock { () throws(Errno) in
        for number in SignalSet.numbers where signals.contains(number) {
          if subscriptions[Int(number)] == 0, setHandler(number) != 0 {
            let error = Errno(rawValue: errno)
            for installed in 1..<number where signals.contains(installed) { dropOne(installed) }
            throw error
          }
          subscriptions[Int(number)] += 1
        }
      }
    }

    func restore(_ signals: SignalSet) {
      lock.withLock {
        for number in SignalSet.numbers where signals.contains(number) { dropOne(number) }
      }
    }

    private func dropOne(_ number: CInt) {
      subscriptions[Int(number)] -= 1
      if subscriptions[Int(number)] > 0 { return }
      var current = Disposition()
      sigaction(number, nil, &current)
      // Whoever has set a handler since is not to lose it.
      if current.address == handlerAddress { sigaction(number, &previous[Int(number)], nil) }
    }

    private func setHandler(_ number: CInt) -> CInt {
      var action = Disposition()
      action.__sigaction_handler.sa_handler = handler
      // System calls that it interrupts go on; a thread that has a stack for signals uses that.
      action.sa_flags = SA_RESTART | SA_ONSTACK
      sigfillset(&action.sa_mask)
      return sigaction(number, &action, &previous[Int(number)])
    }
  }
}

/// The structure; the function has the same name.
private typealias Disposition = sigaction

/// A global and not a static of the type: reading it is a call without a lock, once it was made.
private let slots = SignalSlotList()

private let handler: @convention(c) (CInt) -> Void = { number in
  let error = errno
  slots.deliver(SignalSet.bit(number))
  errno = error
}

private let handlerAddress = unsafeBitCast(handler, to: UInt.self)

extension Disposition {
  fileprivate var address: UInt {
    unsafeBitCast(__sigaction_handler.sa_handler, to: UInt.self)
  }
}
