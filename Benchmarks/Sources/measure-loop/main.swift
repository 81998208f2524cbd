// Our side of the event loop's rows: prints one number, nanoseconds an operation unless the row says otherwise.
//
//     measure-loop ROW [--quick]
//
// Numbers within a row's name may be any: fd.dispatch.300.poll.

import AioGSource
import Glibc

guard CommandLine.arguments.count > 1 else {
  complain("usage: measure-loop ROW [--quick]")
  exit(64)
}
let row = CommandLine.arguments[1]
let words = row.split(separator: ".").map(String.init)
/// The name without its numbers, and the first of them.
let kind = words.map { $0.prefix { !$0.isNumber } == $0 ? $0 : "N" }.joined(separator: ".")

do {
  switch row {
  case "bottomhalf.same-thread.poll": print(try bottomHalf(.poll))
  case "bottomhalf.same-thread.glib": print(try bottomHalf(.glib))
  default: fail("there is no row '\(row)'")
  }
} catch {
  fail("\(error)")
}
