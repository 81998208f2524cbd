// What a loop waits with and is woken by, and the clocks, as the kernel's seam has them (Kernel.swift).

import CLiburing
import Glibc

class KernelWaits: KernelLinuxAIO, @unchecked Sendable {
  // MARK: Waits

  /// ppoll(2); nil: without limit.
  func poll(
    _ records: UnsafeMutablePointer<pollfd>, _ count: Int, _ timeout: UnsafePointer<timespec>?
  ) -> CInt {
    resultOrErrno(ppoll(records, nfds_t(count), timeout, nil))
  }

  func epollCreate() -> CInt {
    resultOrErrno(epoll_create1(CInt(EPOLL_CLOEXEC)))
  }

  func epollControl(
    _ set: CInt, _ operation: CInt, _ descriptor: CInt,
    _ event: UnsafeMutablePointer<epoll_event>?
  ) -> CInt {
    resultOrErrno(epoll_ctl(set, operation, descriptor, event))
  }

  /// epoll_wait(2), in milliseconds; -1: without limit.
  func epollWait(
    _ set: CInt, _ events: UnsafeMutablePointer<epoll_event>, _ count: Int, milliseconds: CInt
  ) -> CInt {
    resultOrErrno(epoll_wait(set, events, CInt(count), milliseconds))
  }

  /// epoll_pwait2(2), which takes nanoseconds.
  func epollWait(
    _ set: CInt, _ events: UnsafeMutablePointer<epoll_event>, _ count: Int,
    _ timeout: UnsafePointer<timespec>
  ) -> CInt {
    resultOrErrno(epoll_pwait2(set, events, CInt(count), timeout, nil))
  }

  // MARK: Wake-ups

  /// eventfd(2) that does not block.
  func eventCreate() -> CInt {
    resultOrErrno(eventfd(0, CInt(EFD_NONBLOCK) | CInt(EFD_CLOEXEC)))
  }

  /// pipe(2), for a kernel without eventfd(2).
  func pipe(_ ends: UnsafeMutablePointer<CInt>) -> CInt {
    resultOrErrno(Glibc.pipe(ends))
  }

  /// write(2) of the 8 bytes of a one, to an eventfd or a pipe. Signal handlers too.
  func eventWrite(_ descriptor: CInt) -> Int {
    var one: UInt64 = 1
    return resultOrErrno(Glibc.write(descriptor, &one, MemoryLayout<UInt64>.size))
  }

  /// read(2) from an eventfd or a pipe.
  func eventRead(_ descriptor: CInt, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    resultOrErrno(Glibc.read(descriptor, bytes, count))
  }

  // MARK: Time

  /// timerfd_create(2) on the monotonic clock; it does not block.
  func timerCreate() -> CInt {
    resultOrErrno(timerfd_create(CLOCK_MONOTONIC, CInt(TFD_NONBLOCK) | CInt(TFD_CLOEXEC)))
  }

  /// timerfd_settime(2) to a time on the clock.
  func timerSet(_ descriptor: CInt, _ value: UnsafePointer<itimerspec>) -> CInt {
    resultOrErrno(timerfd_settime(descriptor, CInt(TFD_TIMER_ABSTIME), value, nil))
  }

  /// clock_gettime(2), in nanoseconds.
  func time(_ clock: clockid_t) -> Int64 {
    Self.read(clock)
  }

  final var monotonicNow: Int64 { time(CLOCK_MONOTONIC) }

  /// Not inlined: the stack guard that its timespec brings is dearer to a caller than the call.
  @inline(never)
  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
