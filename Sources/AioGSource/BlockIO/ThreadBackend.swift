// The thread pool as an engine: what may wait goes to a worker. Home thread only. Contract 19.
//
// A positioned read that the page cache can answer does not wait: it is made here, with RWF_NOWAIT, and spares two
// thread switches (a few µs each, where the copy of 4 KiB takes a fraction of one). Larger ones go to a worker all the
// same, for copying takes the loop's time too.

import CLiburing
import Glibc

final class ThreadBackend: Backend, @unchecked Sendable {
  /// Up to how many bytes are read on the home thread if they are in the page cache.
  static let inlineLimit = 64 * 1024

  /// Which holds us too, until it closes.
  private let io: ContextIO
  let pool: WorkerPool
  private var queue = RequestQueue()
  /// Scheduled by workers. Kept: letting go of it deletes it.
  private let bottomHalf: BottomHalf
  /// With workers, or queued for them.
  private var underWay = 0

  init(io: ContextIO) {
    self.io = io
    let context = io.context.takeUnretainedValue()
    let collector = Collector(io: io)
    bottomHalf = context.makeBottomHalf(name: "thread pool of \(context.name)") {
      collector.run()
    }
    pool = WorkerPool(name: "pool \(context.name)", kernel: io.kernel, bottomHalf: bottomHalf)
    super.init()
  }

  /// What the bottom half needs, for a closure that may be sent. It runs on the home thread, while the context is there.
  private final class Collector: @unchecked Sendable {
    unowned(unsafe) let io: ContextIO
    init(io: ContextIO) { self.io = io }
    func run() { _ = io.run() }
  }

  override func takes(_ request: Request) -> Bool {
    !request.pointee.waitsForDescriptor
  }

  override func alternative(for request: Request) -> Backend {
    io.readinessBackend
  }

  override func enqueue(_ request: Request) {
    queued += 1
    queue.append(request)
  }

  override func flush() {
    var forWorkers = RequestQueue()
    while let request = queue.removeFirst() {
      if canTryHere(request) && finishedHere(request) { continue }
      request.pointee.isWithWorkers = true
      forWorkers.append(request)
    }
    queued = 0
    underWay += forWorkers.count
    io.statistics.handedToThreads &+= forWorkers.count
    pool.enqueue(&forWorkers)
  }

  private func canTryHere(_ request: Request) -> Bool {
    guard request.pointee.operation == .read, request.pointee.offset >= 0,
      !request.pointee.isForcedElsewhere, request.pointee.transfer.rest <= Self.inlineLimit
    else { return false }
    let flags = io.kernel.statusFlags(request.pointee.descriptor)
    // With O_DIRECT the call would wait for the disk in spite of RWF_NOWAIT.
    return flags >= 0 && flags & CInt(AIOGS_O_DIRECT) == 0
  }

  /// Reads what the page cache has; true if that was all of it.
  private func finishedHere(_ request: Request) -> Bool {
    var vector = iovec(iov_base: request.restAddress, iov_len: request.pointee.transfer.rest)
    let result = io.kernel.read(
      request.pointee.descriptor, &vector, 1, request.position,
      CInt(AIOGS_RWF_NOWAIT))
    // Not here: a worker asks again, and gets the right answer. So does what the end of the file looks like.
    if result <= 0 { return false }
    request.pointee.state.submit()
    if request.take(result) {
      io.statistics.answeredByPageCache &+= 1
      io.finished(request)
      return true
    }
    return false
  }

  override func cancel(_ request: Request) {
    if request.pointee.isWithWorkers {
      if pool.cancel(request) {
        underWay -= 1
        request.pointee.isWithWorkers = false
        io.finishUnsubmitted(request, -Int(ECANCELED))
      }
    } else {
      super.cancel(request)
    }
  }

  override func dequeue(_ request: Request) {
    queue.remove(request)
    queued -= 1
    io.finishUnsubmitted(request, -Int(ECANCELED))
  }

  override var hasCompletions: Bool { pool.hasDone }

  override func collect() {
    var cursor = pool.takeDone()
    while let request = cursor {
      cursor = request.pointee.next
      underWay -= 1
      request.pointee.isWithWorkers = false
      _ = request.pointee.state.returned(.finish(request.pointee.result))
      io.finished(request)
    }
  }

  // MARK: The end

  override func drain() {
    flush()
    while underWay > 0 {
      collect()
      if underWay > 0 { usleep(100) }
    }
  }

  override func close() {
    pool.stop()
    bottomHalf.delete()
  }
}
