// The event loop's rows: bottom halves, descriptors, timers, busy polling, memory. `poll` is the loop that runs itself
// and `glib` the one inside a GMainContext.

import BenchReport

let loopRows = bottomHalfRows + descriptorRows + timerRows + pollingRows + memoryRows

private func ours(_ row: String) -> Command { .ours("measure-loop", row) }
private func glib(_ row: String, bar: Double? = nil) -> Peer {
  Peer(name: "GLib", bar: bar, command: .peer("glib-loop", row))
}
private func libuv(_ row: String, bar: Double? = nil) -> Peer {
  Peer(name: "libuv", bar: bar, command: .peer("uv-loop", row))
}
private func bareRing(_ row: String, bar: Double? = nil) -> Peer {
  Peer(name: "liburing", bar: bar, command: .peer("ring-loop", row))
}

/// GLib's for a bottom half is an idle source: what `g_idle_add` makes on the same thread, and
/// `g_main_context_invoke` from another one.
private let bottomHalfRows = [
  Row(
    name: "bottomhalf.same-thread.poll", ours: ours("bottomhalf.same-thread.poll"),
    peers: [glib("bottomhalf.same-thread", bar: 15)]),
  Row(
    name: "bottomhalf.same-thread.glib", ours: ours("bottomhalf.same-thread.glib"),
    peers: [glib("bottomhalf.same-thread", bar: 1.1)]),
  // One way, with both threads on one CPU: what is measured is the loops, not the machine's wake-ups.
  Row(
    name: "bottomhalf.cross-thread-latency", ours: ours("bottomhalf.cross-thread-latency"),
    peers: [glib("bottomhalf.cross-thread-latency", bar: 1.5)]),
  // Dispatch's threads are its own to place, so nobody's are pinned.
  Row(
    name: "bottomhalf.cross-thread-throughput", pinning: .free,
    ours: ours("bottomhalf.cross-thread-throughput"),
    peers: [
      glib("bottomhalf.cross-thread-throughput", bar: 5),
      Peer(
        name: "Dispatch", bar: 1,
        command: .ours("measure-dispatch", "bottomhalf.cross-thread-throughput")),
    ]),
]

/// One descriptor of so many is ready: it is written, and read by its callback.
private let descriptorRows =
  [(1, 0.9), (10, nil), (1000, nil), (10000, 0.9)].map { (count, bar: Double?) in
    Row(
      name: "fd.dispatch.\(count).poll", ours: ours("fd.dispatch.\(count).poll"),
      peers: [libuv("fd.dispatch.\(count)", bar: bar)])
  }
  + [(1, nil), (10, 0.8), (1000, nil), (10000, 150)].map { (count, bar: Double?) in
    Row(
      name: "fd.dispatch.\(count).glib", ours: ours("fd.dispatch.\(count).glib"),
      peers: [glib("fd.dispatch.\(count)", bar: bar), bareRing("fd.dispatch.\(count)")])
  }
  + [(1, nil), (1000, nil), (10000, 150)].map { (count, bar: Double?) in
    let name = "glib.iteration.\(count)-idle-fds"
    return Row(name: name, ours: ours(name), peers: [glib(name, bar: bar)])
  }

private let timerRows =
  [(10, 1), (1000, nil), (10000, nil), (100_000, 1.2)].map { (count, bar: Double?) in
    Row(
      name: "timer.churn.\(count)", ours: ours("timer.churn.\(count)"),
      peers: [libuv("timer.churn.\(count)", bar: bar)])
  } + [
    Row(
      name: "timer.fire", ours: ours("timer.fire.10000"),
      peers: [libuv("timer.fire.10000", bar: 1.2), glib("timer.fire.10000", bar: 100)]),
    Row(
      name: "timer.error.glib-driver", ours: ours("timer.error.glib-driver"),
      peers: [glib("timer.error", bar: 4)]),
  ]

/// There and back between two CPUs. `blocking` is ours without busy polling.
private let pollingRows = [
  Row(
    name: "poll.pingpong.blocking", pinning: .twoCPUs, ours: ours("poll.pingpong.blocking"),
    peers: [glib("poll.pingpong"), libuv("poll.pingpong")]),
  Row(
    name: "poll.pingpong.adaptive", pinning: .twoCPUs, ours: ours("poll.pingpong.adaptive"),
    peers: [Peer(name: "blocking", bar: 50, command: ours("poll.pingpong.blocking"))]),
]

private let memoryRows = ["handler", "timer"].map { what in
  Row(
    name: "memory.per-\(what)", unit: .bytes, ours: ours("memory.per-\(what)"),
    peers: [glib("memory.per-\(what)", bar: 1)])
}

/// What a cost may grow by where there is more of everything.
let limitsOnGrowth = [
  Growth(from: "fd.dispatch.10.poll", to: "fd.dispatch.10000.poll", atMost: 1.3),
  Growth(from: "fd.dispatch.10.glib", to: "fd.dispatch.10000.glib", atMost: 1.3),
  Growth(from: "glib.iteration.1-idle-fds", to: "glib.iteration.10000-idle-fds", atMost: 1.3),
  Growth(from: "timer.churn.10", to: "timer.churn.10000", atMost: 1.3),
]
