// Copies, NBD servers, and echo servers.

import BenchReport

private let mebibytesASecond = Unit("MiB/s", moreIsBetter: true)

let serverRows: [Row] =
  [
    Row(
      name: "copy.1g", unit: mebibytesASecond, pinning: .free, ours: .aioCopy,
      peers: [
        Peer(name: "qemu-img", bar: 1.2, command: .qemuConvert),
        Peer(name: "cp", bar: 0.95, command: .cp),
      ])
  ]
  // On one CPU, and on two, with the kernel's way of waking up from the one to the other in it.
  + nbdReads("nbd.read.4k.depth1", depth: 1, .together)
  + nbdReads("nbd.read.4k.depth1.two-cpus", depth: 1, .apart)
  + nbdReads(
    "nbd.read.4k.depth64", depth: 64, .free, bars: [.qemuNBD: 3, .nbdkit: 1.75])
  + nbdReads("nbd.read.4k.4x16", connections: 4, depth: 16, .free)
  + nbdRows(
    "nbd.fio.4k.depth64", .nanoseconds, cpu: .nanoseconds, [.qemuNBD, .nbdkit],
    { $0.fioReads("nbd.fio", depth: 64) })
  + nbdCopies("nbd.copy.1g", connections: 1) + nbdCopies("nbd.copy.1g.4x", connections: 4)
  + echoRows

// MARK: NBD: each row, and the server's CPU time in another

private func nbdReads(
  _ name: String, connections: Int = 1, depth: Int, _ placement: Placement,
  bars: [NBDServer: Double] = [:]
) -> [Row] {
  nbdRows(
    name, .nanoseconds, cpu: .nanoseconds, [.qemuNBD, .nbdkit, .bare], bars: bars,
    { $0.reads(name, connections: connections, depth: depth, placement) })
}

/// The bar is the best of the three.
private func nbdCopies(_ name: String, connections: Int) -> [Row] {
  nbdRows(
    name, mebibytesASecond, cpu: Unit("ms/GiB"), [.qemuNBD, .nbdkit, .nbdServer, .bare],
    bars: [.qemuNBD: 1, .nbdkit: 1, .nbdServer: 1], { $0.copies(name, connections: connections) })
}

private func nbdRows(
  _ name: String, _ unit: Unit, cpu cpuUnit: Unit, _ servers: [NBDServer],
  bars: [NBDServer: Double] = [:], _ command: (NBDServer) -> CostlyCommand
) -> [Row] {
  rows(
    name, unit, cpu: cpuUnit, ours: command(.ours),
    servers.map { ($0.rawValue, bars[$0], command($0)) })
}

private func rows(
  _ name: String, _ unit: Unit, cpu cpuUnit: Unit, ours: CostlyCommand,
  _ peers: [(name: String, bar: Double?, command: CostlyCommand)]
) -> [Row] {
  [
    Row(
      name: name, unit: unit, ours: ours.value,
      peers: peers.map { Peer(name: $0.name, bar: $0.bar, command: $0.command.value) },
      warmUps: 1),
    Row(
      name: name + ".cpu", unit: cpuUnit, ours: ours.cpu,
      peers: peers.map { Peer(name: $0.name, command: $0.command.cpu) }),
  ]
}

// MARK: Echo

private let echoRows = rows(
  "echo.64b", .nanoseconds, cpu: .nanoseconds, ours: .echo("measure-io", of: \.products),
  [
    ("libuv", 1, .echo("uv-io", of: \.peers)),
    ("SwiftNIO", 1.5, .echo("measure-nio", of: \.products)),
  ])
