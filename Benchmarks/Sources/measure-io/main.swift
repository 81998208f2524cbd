// Our side of the rows of block I/O, the ring, the thread pool, and echo. Prints one number, nanoseconds an operation, or
// with --cpu nanoseconds of CPU time; as an echo server its port.
//
//     measure-io threadpool.roundtrip DEPTH [--two-cpus] [--quick]
//     measure-io ring.nop DEPTH [--quick]
//     measure-io read FILE DEPTH [--engine io_uring|native|threads] [--glib] [--direct] [--cpu] [--quick]
//     measure-io echo [--handlers] [--monitor io_uring|epoll|poll]

import Measuring

do {
  switch Arguments.row {
  case "threadpool.roundtrip": print(try roundTrips())
  case "ring.nop": print(try nops())
  case "read": print(try reads())
  case "echo": try serve()
  default: fail("there is no row '\(Arguments.row)'")
  }
} catch {
  fail("\(error)")
}
