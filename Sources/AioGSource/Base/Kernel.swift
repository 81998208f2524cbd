// The seam between the library and the kernel: the system calls that may be short, refused, late or interrupted, and the
// clocks. Any thread.
//
// Classes without a subclass in the library other than one another, none of which overrides a method: so an optimised
// build calls straight through, and neither looks for a method nor loads the kernel, wherever that is stored. A test puts
// a subclass in its place that answers what it likes: EINTR, EAGAIN, a queue that overflows, a clock that jumps. Methods
// return what the call returns, or a negative errno.
//
// One class a concern, for a method that is to be overridden cannot stand in an extension: rings, Linux AIO, waits and
// clocks, files, sockets, threads. Each is the one before it and more; `Kernel` is all of them.
//
// Not behind it is what cannot fail in a way that the library would answer: locks and conditions, yielding and naming a
// thread, masking signals, the timer slack. Nor sigaction(2), the main queue's descriptor and /proc/self/fdinfo, which
// are the process's and not a context's.

import CLiburing
import Glibc

class Kernel: KernelThreads, @unchecked Sendable {
  static let system = Kernel()
}

/// What a system call returned, or a negative errno.
@inline(__always)
func resultOrErrno<Result: FixedWidthInteger & SignedInteger>(_ result: Result) -> Result {
  result >= 0 ? result : -Result(errno)
}
