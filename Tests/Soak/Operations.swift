// The operations that lanes are made of, each with what it promises. Home thread only.

import AioGSource
import Glibc
import SystemPackage

extension Worker {
  func start(_ kind: OperationKind, lane: Int) {
    switch kind {
    case .bottomHalf: bottomHalf(lane)
    case .deletedBottomHalf: deletedBottomHalf(lane)
    case .timer: timer(lane)
    case .cancelledTimer: cancelledTimer(lane)
    case .handler: handler(lane)
    case .nestedPoll: nestedPoll(lane)
    case .file: file(lane)
    case .socket: socket(lane)
    case .cancelledRequest: cancelledRequest(lane)
    case .poolJob: poolJob(lane)
    case .bottomHalfFromThread, .attachment, .ioThread: fail("\(kind) is no lane's")
    }
  }

  // MARK: Bottom halves

  /// Scheduled together they run in their order.
  private func bottomHalf(_ lane: Int) {
    let order = Counted()
    for index in 0..<4 {
      context.schedule(name: "in order") { [self] in
        check(order.next() == index, "bottom half \(index) was not the next")
        if index == 3 { ended(.bottomHalf, lane) }
      }
    }
  }

  /// A deleted one does not run.
  private func deletedBottomHalf(_ lane: Int) {
    let deleted = context.makeBottomHalf(name: "deleted") { fail("a deleted bottom half runs") }
    let cancelled = context.makeBottomHalf(name: "cancelled") {
      fail("a cancelled bottom half runs")
    }
    deleted.schedule()
    cancelled.schedule()
    deleted.delete()
    cancelled.cancel()
    context.schedule(name: "after the deleted") { [self] in
      withExtendedLifetime((deleted, cancelled)) { ended(.deletedBottomHalf, lane) }
    }
  }

  // MARK: Timers

  private func timer(_ lane: Int) {
    let delay = Int64.random(in: 0...2_000_000, using: &random)
    let due = AioClock.realtime.now + delay
    let held = Held()
    let timer = context.makeTimer(name: "soak") { [self] in
      check(AioClock.realtime.now >= due, "a timer fired early")
      held.value = nil
      ended(.timer, lane)
    }
    held.value = timer
    timer.arm(at: due)
  }

  /// It may fire before it is cancelled, and not afterwards.
  private func cancelledTimer(_ lane: Int) {
    let isCancelled = Counted()
    let timer = context.makeTimer(name: "cancelled") {
      check(isCancelled.value == 0, "a cancelled timer fires")
    }
    timer.arm(after: .nanoseconds(Int64.random(in: 0...1_000_000, using: &random)))
    context.schedule(name: "cancels a timer") { [self] in
      timer.cancel()
      check(!timer.isPending, "a cancelled timer is pending")
      _ = isCancelled.next()
      context.schedule(name: "after the cancelled") { [self] in
        withExtendedLifetime(timer) { ended(.cancelledTimer, lane) }
      }
    }
  }

  // MARK: Handlers

  /// All that was written is read, by a handler that is replaced on the way; after its removal it is not called.
  private func handler(_ lane: Int) {
    let pipe = Pipe()
    let count = Int.random(in: 1...16, using: &random)
    let seen = Counted()
    let isRemoved = Held()
    let onReadable: @Sendable () -> Void = { [self] in
      check(isRemoved.value == nil, "a removed handler was called")
      var byte: UInt8 = 0
      let result = read(pipe.reader.rawValue, &byte, 1)
      check(
        result == 1, "a handler was called, and there is nothing to read: \(result), errno \(errno)"
      )
      check(byte == UInt8(seen.next()), "a byte is missing")
      if seen.value < count { return }
      context.removeHandler(for: pipe.reader)
      isRemoved.value = pipe
      context.schedule(name: "after the removal") { [self] in
        pipe.close()
        ended(.handler, lane)
      }
    }
    watch(pipe, onReadable)
    for index in 0..<count { pipe.write(UInt8(index)) }
    if Bool.random(using: &random) { watch(pipe, onReadable) }
  }

  private func watch(_ pipe: Pipe, _ onReadable: @escaping @Sendable () -> Void) {
    do {
      try context.setHandler(for: pipe.reader, onReadable: onReadable)
    } catch {
      fail("setHandler: \(error)")
    }
  }

  /// A pass in a callback, now and then. What it runs may nest one too, but not for ever.
  private func nestedPoll(_ lane: Int) {
    context.schedule(name: "nests") { [self] in
      if nesting < 3 {
        nesting += 1
        context.poll(blocking: false)
        nesting -= 1
      }
      context.schedule(name: "after the nested") { [self] in ended(.nestedPoll, lane) }
    }
  }

  // MARK: Requests

  /// What is written to a lane's own part of the file is read there.
  private func file(_ lane: Int) {
    let length = Int.random(in: 1...20_000, using: &random)
    let mark = UInt8.random(in: 0...255, using: &random)
    let offset = Int64(lane) * 65536
    let buffer = AIOBuffer((0..<length).map { UInt8(truncatingIfNeeded: $0) ^ mark })
    let calls = Counted()
    engine.write(to: file, at: offset, from: buffer) { [self] result in
      check(calls.next() == 0, "a completion was called twice")
      check(result == .success(length), "a write of \(length) bytes: \(result)")
      let back = AIOBuffer(count: length)
      engine.read(from: file, at: offset, into: back) { [self] result in
        check(result == .success(length), "a read of \(length) bytes: \(result)")
        let isSame = buffer.withBytes { left in
          back.withBytes { memcmp(left.baseAddress!, $0.baseAddress!, length) == 0 }
        }
        check(isSame, "what was read is not what was written")
        ended(.file, lane)
      }
    }
  }

  private func socket(_ lane: Int) {
    let pair = SocketPair()
    let length = Int.random(in: 1...4000, using: &random)
    let sent = AIOBuffer((0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    let received = AIOBuffer(count: length)
    let left = Counted()
    let engine = engine
    let both: @Sendable () -> Void = { [self] in
      if left.next() == 0 { return }
      let isSame = sent.withBytes { left in
        received.withBytes { memcmp(left.baseAddress!, $0.baseAddress!, length) == 0 }
      }
      check(isSame, "what was received is not what was sent")
      pair.close()
      ended(.socket, lane)
    }
    engine.receive(on: pair.one, into: received, flags: CInt(MSG_WAITALL)) { result in
      check(result == .success(length), "a receive of \(length) bytes: \(result)")
      both()
    }
    engine.send(on: pair.other, from: sent) { result in
      check(result == .success(length), "a send of \(length) bytes: \(result)")
      both()
    }
  }

  /// A request that nothing but its cancellation ends, or that its end is under way of, ends once.
  private func cancelledRequest(_ lane: Int) {
    let pair = SocketPair()
    let calls = Counted()
    let buffer = AIOBuffer(count: 64)
    let comes = Bool.random(using: &random)
    let request = engine.receive(on: pair.one, into: buffer) { [self] result in
      check(calls.next() == 0, "a completion was called twice")
      switch result {
      case .success(let count): check(comes && count == 1, "\(count) bytes came from nowhere")
      case .failure(let error):
        check(error == .canceled, "a cancelled request failed with \(error)")
      }
      context.schedule(name: "after the cancelled") { [self] in
        pair.close()
        ended(.cancelledRequest, lane)
      }
    }
    if comes { pair.writeToOther(1) }
    if Bool.random(using: &random) {
      context.schedule(name: "cancels") { request.cancel() }
    } else {
      request.cancel()
    }
  }

  private func poolJob(_ lane: Int) {
    let value = Int.random(in: 0...1000, using: &random)
    context.threadPool.submit {
      value * 2
    } completion: { [self] result in
      check((try? result.get()) == value * 2, "a job of the pool: \(result)")
      ended(.poolJob, lane)
    }
  }
}
