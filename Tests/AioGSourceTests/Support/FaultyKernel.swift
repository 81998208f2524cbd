// The real kernel, but for what a script says: calls of a name fail, are cut short or return for nothing, in the order in
// which they come, and the clocks may be set. Any thread.

import CLiburing
import Glibc

@testable import AioGSource

final class FaultyKernel: Kernel, @unchecked Sendable {
  /// The calls that it can have fail.
  enum Call: String, CaseIterable, Sendable {
    case ringSetUp, ringSubmit, ringSubmitAndPost, ringPost, ringSubmitAndWait
    case aioSetUp, aioSubmit, aioGetEvents
    case poll, epollCreate, epollControl, epollWait, epollWaitNanoseconds
    case eventCreate, eventWrite, eventRead, timerCreate
    case read, write, synchronize, allocate, open, duplicate
    case accept, connect, receive, send, threadCreate
  }

  enum Fault: Hashable, Sendable {
    /// Does nothing, and says so.
    case error(CInt)
    /// Does nothing, and says that there was nothing: a wait that ended for no reason.
    case nothing
    /// Does so many bytes of it.
    case short(Int)
    /// Says of every descriptor that it is readable.
    case spurious
    /// Does it.
    case perform
  }

  private let lock = Lock()
  private var faults: [Call: [Fault]] = [:]
  private var permanent: [Call: Fault] = [:]
  private var counts: [Call: Int] = [:]
  private var monotonicShift: Int64 = 0
  private var wallShift: Int64 = 0
  /// How many entries its rings have at most: two of each have every queue overflow.
  private let ringEntries: UInt32?

  init(ringEntries: UInt32? = nil) {
    self.ringEntries = ringEntries
  }

  // MARK: The script

  /// What the next calls of a name come to.
  func fail(_ call: Call, _ faults: Fault...) {
    lock.withLock { self.faults[call, default: []] += faults }
  }

  /// What every call of a name comes to; nil: what it should.
  func failAlways(_ call: Call, _ fault: Fault?) {
    lock.withLock { permanent[call] = fault }
  }

  func calm() {
    lock.withLock {
      faults = [:]
      permanent = [:]
    }
  }

  /// Whether everything was said that was to be.
  var isSpent: Bool { lock.withLock { faults.values.allSatisfy(\.isEmpty) } }

  func count(_ call: Call) -> Int { lock.withLock { counts[call, default: 0] } }

  /// Has a clock jump, by so many nanoseconds.
  func jump(_ clock: clockid_t, by nanoseconds: Int64) {
    lock.withLock {
      if clock == CLOCK_REALTIME {
        wallShift += nanoseconds
      } else {
        monotonicShift += nanoseconds
      }
    }
  }

  private func next(_ call: Call) -> Fault {
    lock.withLock {
      counts[call, default: 0] += 1
      var fault = permanent[call] ?? .perform
      if faults[call]?.isEmpty == false { fault = faults[call]!.removeFirst() }
      if fault != .perform { Tally.countFault() }
      return fault
    }
  }

  private func answer<Result: FixedWidthInteger & SignedInteger>(
    _ call: Call, _ perform: () -> Result
  ) -> Result {
    switch next(call) {
    case .error(let code): -Result(code)
    case .nothing: 0
    case .perform, .short, .spurious: perform()
    }
  }

  // MARK: Rings

  override func ringSetUp(
    _ ring: RingPointer, entries: UInt32, _ parameters: UnsafeMutablePointer<io_uring_params>
  ) -> CInt {
    answer(.ringSetUp) {
      guard let ringEntries else {
        return super.ringSetUp(ring, entries: entries, parameters)
      }
      parameters.pointee.cq_entries = ringEntries
      return super.ringSetUp(ring, entries: ringEntries, parameters)
    }
  }

  override func ringSubmit(_ ring: RingPointer) -> CInt {
    answer(.ringSubmit) { super.ringSubmit(ring) }
  }

  override func ringSubmitAndPost(_ ring: RingPointer) -> CInt {
    answer(.ringSubmitAndPost) { super.ringSubmitAndPost(ring) }
  }

  override func ringPost(_ ring: RingPointer) -> CInt {
    answer(.ringPost) { super.ringPost(ring) }
  }

  override func ringSubmitAndWait(
    _ ring: RingPointer, _ timeout: UnsafeMutablePointer<__kernel_timespec>?
  ) -> CInt {
    answer(.ringSubmitAndWait) { super.ringSubmitAndWait(ring, timeout) }
  }

  // MARK: Linux AIO

  override func aioSetUp(_ entries: UInt32, _ context: UnsafeMutablePointer<aio_context_t>) -> Int {
    answer(.aioSetUp) { super.aioSetUp(entries, context) }
  }

  override func aioSubmit(
    _ context: aio_context_t, _ blocks: UnsafeMutablePointer<UnsafeMutablePointer<iocb>?>,
    _ count: Int
  ) -> Int {
    switch next(.aioSubmit) {
    case .error(let code): -Int(code)
    case .short(let some): super.aioSubmit(context, blocks, min(count, some))
    default: super.aioSubmit(context, blocks, count)
    }
  }

  override func aioGetEvents(
    _ context: aio_context_t, minimum: Int, _ events: UnsafeMutablePointer<io_event>, _ count: Int
  ) -> Int {
    answer(.aioGetEvents) { super.aioGetEvents(context, minimum: minimum, events, count) }
  }

  // MARK: Waits

  override func poll(
    _ records: UnsafeMutablePointer<pollfd>, _ count: Int, _ timeout: UnsafePointer<timespec>?
  ) -> CInt {
    switch next(.poll) {
    case .error(let code): return -code
    case .nothing: return 0
    case .spurious:
      for index in 0..<count { records[index].revents = records[index].events & Int16(POLLIN) }
      return CInt((0..<count).count(where: { records[$0].revents != 0 }))
    case .perform, .short: return super.poll(records, count, timeout)
    }
  }

  override func epollCreate() -> CInt {
    answer(.epollCreate) { super.epollCreate() }
  }

  override func epollControl(
    _ set: CInt, _ operation: CInt, _ descriptor: CInt,
    _ event: UnsafeMutablePointer<epoll_event>?
  ) -> CInt {
    answer(.epollControl) { super.epollControl(set, operation, descriptor, event) }
  }

  override func epollWait(
    _ set: CInt, _ events: UnsafeMutablePointer<epoll_event>, _ count: Int, milliseconds: CInt
  ) -> CInt {
    answer(.epollWait) { super.epollWait(set, events, count, milliseconds: milliseconds) }
  }

  override func epollWait(
    _ set: CInt, _ events: UnsafeMutablePointer<epoll_event>, _ count: Int,
    _ timeout: UnsafePointer<timespec>
  ) -> CInt {
    answer(.epollWaitNanoseconds) { super.epollWait(set, events, count, timeout) }
  }

  override func eventCreate() -> CInt {
    answer(.eventCreate) { super.eventCreate() }
  }

  override func eventWrite(_ descriptor: CInt) -> Int {
    answer(.eventWrite) { super.eventWrite(descriptor) }
  }

  override func eventRead(
    _ descriptor: CInt, _ bytes: UnsafeMutableRawPointer, _ count: Int
  ) -> Int {
    answer(.eventRead) { super.eventRead(descriptor, bytes, count) }
  }

  // MARK: Time

  override func timerCreate() -> CInt {
    answer(.timerCreate) { super.timerCreate() }
  }

  /// The deadline is on the clock as it was set.
  override func timerSet(_ descriptor: CInt, _ value: UnsafePointer<itimerspec>) -> CInt {
    var real = value.pointee
    let deadline = Int64(real.it_value.tv_sec) * 1_000_000_000 + Int64(real.it_value.tv_nsec)
    if deadline != 0 {
      let shifted = max(deadline - lock.withLock { monotonicShift }, 1)
      real.it_value = Timeout.timespec(shifted)
    }
    return super.timerSet(descriptor, &real)
  }

  override func time(_ clock: clockid_t) -> Int64 {
    let shift = lock.withLock { clock == CLOCK_REALTIME ? wallShift : monotonicShift }
    return super.time(clock) + shift
  }

  // MARK: Files and sockets

  override func read(
    _ descriptor: CInt, _ vectors: UnsafePointer<iovec>, _ count: CInt, _ offset: Int64,
    _ flags: CInt
  ) -> Int {
    transfer(.read, vectors, count) { super.read(descriptor, $0, $1, offset, flags) }
  }

  override func write(
    _ descriptor: CInt, _ vectors: UnsafePointer<iovec>, _ count: CInt, _ offset: Int64,
    _ flags: CInt
  ) -> Int {
    transfer(.write, vectors, count) { super.write(descriptor, $0, $1, offset, flags) }
  }

  private func transfer(
    _ call: Call, _ vectors: UnsafePointer<iovec>, _ count: CInt,
    _ perform: (UnsafePointer<iovec>, CInt) -> Int
  ) -> Int {
    switch next(call) {
    case .error(let code): return -Int(code)
    case .nothing: return 0
    case .short(let bytes):
      var first = vectors[0]
      first.iov_len = min(first.iov_len, bytes)
      return perform(&first, 1)
    case .perform, .spurious: return perform(vectors, count)
    }
  }

  override func synchronize(_ descriptor: CInt) -> CInt {
    answer(.synchronize) { super.synchronize(descriptor) }
  }

  override func allocate(
    _ descriptor: CInt, _ mode: CInt, _ offset: Int64, _ length: Int
  ) -> CInt {
    answer(.allocate) { super.allocate(descriptor, mode, offset, length) }
  }

  override func open(
    _ directory: CInt, _ path: UnsafePointer<CChar>, _ flags: CInt, _ mode: mode_t
  ) -> CInt {
    answer(.open) { super.open(directory, path, flags, mode) }
  }

  override func duplicate(_ descriptor: CInt) -> CInt {
    answer(.duplicate) { super.duplicate(descriptor) }
  }

  override func accept(
    _ listener: CInt, _ address: UnsafeMutablePointer<sockaddr>?,
    _ length: UnsafeMutablePointer<socklen_t>?, _ flags: CInt
  ) -> CInt {
    answer(.accept) { super.accept(listener, address, length, flags) }
  }

  override func connect(
    _ socket: CInt, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t
  ) -> CInt {
    answer(.connect) { super.connect(socket, address, length) }
  }

  override func receive(
    _ socket: CInt, _ bytes: UnsafeMutableRawPointer?, _ count: Int, _ flags: CInt
  ) -> Int {
    switch next(.receive) {
    case .error(let code): -Int(code)
    case .short(let some): super.receive(socket, bytes, min(count, some), flags)
    default: super.receive(socket, bytes, count, flags)
    }
  }

  override func send(
    _ socket: CInt, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: CInt
  ) -> Int {
    switch next(.send) {
    case .error(let code): -Int(code)
    case .short(let some): super.send(socket, bytes, min(count, some), flags)
    default: super.send(socket, bytes, count, flags)
    }
  }

  override func threadCreate(
    _ thread: UnsafeMutablePointer<pthread_t>, _ argument: UnsafeMutableRawPointer,
    _ main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
  ) -> CInt {
    answer(.threadCreate) { super.threadCreate(thread, argument, main) }
  }
}
