// One subscription: from the signal handler, by way of the slot and the context's bottom half, to the task that asks.
//
// It begins when it is made and ends when the last reference goes, on whatever thread. The bottom half's callback
// holds the door and not the subscription: it may still run when that is gone.

import CSwiftRuntime
import SystemPackage

final class SignalSubscription: @unchecked Sendable {
  /// Held, for scheduling on a context that is gone traps.
  private let context: AioContext
  private let signals: SignalSet
  private let bottomHalf: BottomHalf
  private let slot: SignalSlot.Pointer
  private let door: Door

  init(_ signals: SignalSet, on context: AioContext) throws(Errno) {
    let door = Door()
    self.door = door
    self.context = context
    self.signals = signals
    bottomHalf = context.makeBottomHalf(name: "signals") { door.tell() }
    slot = try SignalHandlers.subscribe(signals, target: .passUnretained(bottomHalf))
  }

  deinit {
    SignalHandlers.unsubscribe(slot, signals)
    // Nobody waits for what came last, and the context may go with us.
    bottomHalf.cancel()
  }

  /// Takes a signal that came, or waits for one; nil when the task was cancelled.
  func next(isolation: isolated (any Actor)?) async -> CInt? {
    door.open()
    defer { door.close() }
    while !Task.isCancelled {
      if let number = slot.pointee.take() { return number }
      await withTaskCancellationHandler(
        operation: {
          await withUnsafeContinuation(isolation: isolation) { door.wait($0) }
        },
        onCancel: { door.tell() },
        isolation: isolation)
      aiogs_was_resumed()
    }
    return nil
  }

  /// The gate under its lock; whom it names is resumed outside of it.
  private final class Door: @unchecked Sendable {
    private let lock = Lock()
    private var gate = SignalGate<UnsafeContinuation<Void, Never>>()

    func open() {
      let isOurs = lock.withLock { gate.open() }
      precondition(
        isOurs,
        "two tasks wait for the signals of one subscription at a time; make a subscription for each"
      )
    }

    func close() {
      lock.withLock { gate.close() }
    }

    func wait(_ waiter: UnsafeContinuation<Void, Never>) {
      if !lock.withLock({ gate.wait(waiter) }) { waiter.resume() }
    }

    func tell() {
      lock.withLock { gate.tell() }?.resume()
    }
  }
}
