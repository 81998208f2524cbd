// A thread beside the one that measures, and which CPU they run on.

import CMeasuring
import Glibc

/// Runs the calling thread on this CPU only.
public func pin(to cpu: Int) {
  check(measuring_pin(CInt(cpu)) == 0, "there is no CPU \(cpu) to run on")
}

/// A thread that runs `body`.
public struct MeasuringThread {
  private var thread = pthread_t()

  public init(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Body(run: body))
    let status = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    check(status == 0, "there is no thread to be had")
  }

  /// Waits for its end.
  public func join() { pthread_join(thread, nil) }
}

private final class Body: Sendable {
  let run: @Sendable () -> Void
  init(run: @escaping @Sendable () -> Void) { self.run = run }
}

/// What a callback counts, as a C program would. Of a class, for what is captured has to be Sendable; each is one thread's.
public final class Counter: @unchecked Sendable {
  @exclusivity(unchecked) public var count = 0
  public init() {}
}
