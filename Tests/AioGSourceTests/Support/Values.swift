// Values that callbacks may write and tests may read.

import Glibc
import Synchronization

@testable import AioGSource

final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  var value: Int { count.load(ordering: .acquiring) }
  @discardableResult
  func increment() -> Int { count.add(1, ordering: .acquiringAndReleasing).newValue }
  func decrement() { count.subtract(1, ordering: .acquiringAndReleasing) }
  func reset() { count.store(0, ordering: .releasing) }
}

final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
  func clear() { value.store(false, ordering: .releasing) }
}

/// A value that one thread at a time uses.
final class Box<Value>: @unchecked Sendable {
  private let lock = Lock()
  private var stored: Value
  init(_ value: Value) { stored = value }
  var value: Value {
    get { lock.withLock { stored } }
    set { lock.withLock { stored = newValue } }
  }
  func update(_ body: (inout Value) -> Void) { lock.withLock { body(&stored) } }
}

/// What happened, in order.
typealias Log = Box<[String]>

extension Box where Value == [String] {
  convenience init() { self.init([]) }
  func add(_ line: String) { update { $0.append(line) } }
}

func monotonicNow() -> Int64 { AioClock.realtime.now }

func sleep(milliseconds: Double) {
  usleep(UInt32(milliseconds * 1000))
}

/// A thread to be joined.
final class TestThread: @unchecked Sendable {
  private var thread = pthread_t()
  private var isJoined = false

  init(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Body(body))
    let status = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    precondition(status == 0)
  }

  func join() {
    if isJoined { return }
    isJoined = true
    pthread_join(thread, nil)
  }

  deinit { join() }

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}

/// A variable of the environment; nil where it is not set.
func environment(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}
