// The thread pool, the ring, and reads of files. What wakes nobody up is on one CPU; what has threads of its own and no
// row that says otherwise runs where the kernel puts it, ours and the peer's.

import BenchReport

let ioRows: [Row] = poolRows + nopRows + cachedRows + directRows + driverRows + cpuRows

// MARK: The pool: a job that does nothing, to one of four workers and back, 64 under way

private let poolRows: [Row] = [
  Row(
    name: "threadpool.roundtrip",
    ours: .ours("measure-io", "threadpool.roundtrip", "64"),
    peers: [
      Peer(name: "libuv", bar: 1, command: .peer("uv-io", "threadpool.roundtrip", "64"))
    ]),
  // The loop on CPU 0, the workers on CPU 1.
  Row(
    name: "threadpool.roundtrip.two-cpus", pinning: .twoCPUs,
    ours: .ours("measure-io", "threadpool.roundtrip", "64", "--two-cpus"),
    peers: [
      Peer(name: "libuv", command: .peer("uv-io", "threadpool.roundtrip", "64", "--two-cpus"))
    ]),
]

// MARK: The ring, where the kernel has nothing to do: a request's own cost

private let nopRows = [1, 64].map { depth in
  Row(
    name: "ring.nop.depth\(depth)", ours: .ours("measure-io", "ring.nop", "\(depth)"),
    peers: [
      Peer(
        name: "liburing", bar: depth == 64 ? 0.9 : nil,
        command: .peer("ring-io", "ring.nop", "\(depth)"))
    ])
}

// MARK: Sequential reads of 4 KiB from the page cache

/// Our reads and the peers' in C: measure-io, ring-io and uv-io take the same arguments.
private func ours(_ depth: Int, _ options: String...) -> Command {
  .ours("measure-io") { ["read", try $0.file(bytes: readFileSize), "\(depth)"] + options }
}

private func peer(_ program: String, _ depth: Int, _ options: String...) -> Command {
  .peer(program) { ["read", try $0.file(bytes: readFileSize), "\(depth)"] + options }
}

private let cachedRows: [Row] = [
  Row(
    name: "read.cached.4k.depth1.io_uring", ours: ours(1),
    peers: [
      Peer(name: "qemu-img", command: .qemuReads("io_uring", depth: 1, count: 60_000)),
      Peer(name: "liburing", command: peer("ring-io", 1)),
      Peer(name: "libuv", command: peer("uv-io", 1)),
    ]),
  Row(
    name: "read.cached.4k.depth64.io_uring", ours: ours(64),
    peers: [
      Peer(name: "qemu-img", bar: 3, command: .qemuReads("io_uring", depth: 64, count: 90_000)),
      Peer(name: "liburing", bar: 0.85, command: peer("ring-io", 64)),
      Peer(name: "libuv", bar: 1.5, command: peer("uv-io", 64)),
    ]),
  // qemu-img has Linux AIO only with O_DIRECT, so fio is what submits such reads of a cached file.
  Row(
    name: "read.cached.4k.depth1.native", ours: ours(1, "--engine", "native"),
    peers: [
      Peer(
        name: "fio", command: .fioReads("libaio", depth: 1, count: 100_000, direct: false)),
      Peer(name: "libuv", command: peer("uv-io", 1)),
    ]),
  Row(
    name: "read.cached.4k.depth64.native", ours: ours(64, "--engine", "native"),
    peers: [
      Peer(
        name: "fio", command: .fioReads("libaio", depth: 64, count: 100_000, direct: false)),
      Peer(name: "libuv", command: peer("uv-io", 64)),
      Peer(name: "io_uring", command: ours(64)),
    ]),
  Row(
    name: "read.cached.4k.depth1.threads", pinning: .free, ours: ours(1, "--engine", "threads"),
    peers: [
      Peer(name: "qemu-img", command: .qemuReads("threads", depth: 1, count: 10_000)),
      Peer(name: "libuv", command: peer("uv-io", 1)),
    ]),
  Row(
    name: "read.cached.4k.depth64.threads", pinning: .free, ours: ours(64, "--engine", "threads"),
    peers: [
      Peer(name: "qemu-img", bar: 2, command: .qemuReads("threads", depth: 64, count: 40_000)),
      Peer(name: "libuv", command: peer("uv-io", 64)),
    ]),
]

// MARK: The same with O_DIRECT, where it is the disk that counts, and who waits for it

private let directRows: [Row] = [
  Row(
    name: "read.direct.4k.depth64.io_uring", pinning: .free, ours: ours(64, "--direct"),
    peers: [
      Peer(name: "fio", command: .fioReads("io_uring", depth: 64, count: 30_000, direct: true)),
      Peer(name: "liburing", command: peer("ring-io", 64, "--direct")),
      Peer(
        name: "qemu-img",
        command: .qemuReads("io_uring", depth: 64, count: 30_000, direct: true)),
    ]),
  Row(
    name: "read.direct.4k.depth64.native", pinning: .free,
    ours: ours(64, "--direct", "--engine", "native"),
    peers: [
      Peer(name: "fio", command: .fioReads("libaio", depth: 64, count: 30_000, direct: true)),
      Peer(
        name: "qemu-img", command: .qemuReads("native", depth: 64, count: 30_000, direct: true)),
    ]),
  Row(
    name: "read.direct.4k.depth64.threads", pinning: .free,
    ours: ours(64, "--direct", "--engine", "threads"),
    peers: [
      Peer(
        name: "qemu-img", command: .qemuReads("threads", depth: 64, count: 20_000, direct: true))
    ]),
]

// MARK: Inside GLib's main loop, beside our own driver

private let driverRows = [1, 64].map { depth in
  Row(
    name: "read.cached.4k.depth\(depth).glib", ours: ours(depth, "--glib"),
    peers: [Peer(name: "poll", command: ours(depth))])
}

// MARK: CPU time, of all threads

private let cpuRows: [Row] = [
  Row(
    name: "read.cached.4k.depth64.io_uring.cpu", ours: ours(64, "--cpu"),
    peers: [
      Peer(
        name: "qemu-img", command: .qemuReads("io_uring", depth: 64, count: 90_000, cpu: true)),
      Peer(name: "liburing", command: peer("ring-io", 64, "--cpu")),
    ]),
  Row(
    name: "read.cached.4k.depth64.threads.cpu", pinning: .free,
    ours: ours(64, "--engine", "threads", "--cpu"),
    peers: [
      Peer(name: "qemu-img", command: .qemuReads("threads", depth: 64, count: 40_000, cpu: true))
    ]),
]
