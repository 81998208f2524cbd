// The event loop's rows: bottom halves, descriptors, timers, busy polling, memory. `poll` is the loop that runs itself
// and `glib` the one inside a GMainContext.

import BenchReport

let loopRows: [Row] = [
  Row(
    name: "bottomhalf.same-thread.poll",
    ours: .ours("measure-loop", "bottomhalf.same-thread.poll"),
    peers: [Peer(name: "GLib", bar: 15, command: .peer("glib-loop", "bottomhalf.same-thread"))]),
  Row(
    name: "bottomhalf.same-thread.glib",
    ours: .ours("measure-loop", "bottomhalf.same-thread.glib"),
    peers: [Peer(name: "GLib", bar: 1.1, command: .peer("glib-loop", "bottomhalf.same-thread"))]),
]

/// What a cost may grow by where there is more of everything.
let limitsOnGrowth: [Growth] = []
