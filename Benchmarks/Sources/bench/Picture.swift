// What a picture of --plot is: lines over a size, each of which has a command for every size. And the pictures.

import BenchReport

struct Picture: Sendable {
  struct Line: Sendable {
    let name: String
    var isOurs = false
    let command: @Sendable (Int) -> Command
  }

  /// The file's name, without its ending.
  let name: String
  let title: String
  let sizeLabel: String
  let costLabel: String
  var pinning = Pinning.oneCPU
  let sizes: [Int]
  let lines: [Line]
}

let allPictures = [fdsPicture, timersPicture, firingPicture, contextsPicture, depthPicture]

private let fdsPicture = Picture(
  name: "fds",
  title: "An event on one of so many descriptors",
  sizeLabel: "descriptors that are watched",
  costLabel: "time from the write until the callback has read",
  sizes: [1, 10, 100, 1000, 10_000],
  lines: [
    .ours("AioGSource, alone") { "fd.dispatch.\($0).poll" },
    .ours("AioGSource, in GLib") { "fd.dispatch.\($0).glib" },
    .peer("libuv", "uv-loop") { "fd.dispatch.\($0)" },
    .peer("GLib's fd sources", "glib-loop") { "fd.dispatch.\($0)" },
    .peer("a bare ring, in GLib", "ring-loop") { "fd.dispatch.\($0)" },
  ])

private let timersPicture = Picture(
  name: "timers",
  title: "Moving the deadline of one of so many timers",
  sizeLabel: "timers that are armed",
  costLabel: "time for one",
  sizes: [10, 100, 1000, 10_000, 100_000],
  lines: [
    .ours("AioGSource") { "timer.churn.\($0)" },
    .peer("libuv", "uv-loop") { "timer.churn.\($0)" },
  ])

private let firingPicture = Picture(
  name: "firing",
  title: "A timer fires, beside so many others",
  sizeLabel: "timers that are armed",
  costLabel: "time from arming it until it has fired",
  sizes: [10, 100, 1000, 10_000],
  lines: [
    .ours("AioGSource") { "timer.fire.\($0)" },
    .peer("libuv", "uv-loop") { "timer.fire.\($0)" },
    .peer("GLib's ready times", "glib-loop") { "timer.fire.\($0)" },
  ])

/// A program in parts has a context for each of them, or with GLib alone a source: what the others add to one's event.
private let contextsPicture = Picture(
  name: "contexts",
  title: "An event for one of so many contexts in a GMainContext",
  sizeLabel: "contexts, or sources of GLib's",
  costLabel: "time from the write until the callback has read",
  sizes: [1, 10, 100, 1000],
  lines: [
    .ours("AioGSource, a context each") { "glib.contexts.\($0)" },
    .ours("AioGSource, one context") { "fd.dispatch.\($0).glib" },
    .peer("GLib's fd sources", "glib-loop") { "fd.dispatch.\($0)" },
  ])

private let depthPicture = Picture(
  name: "depth",
  title: "Reads of 4 KiB from the page cache, so many under way",
  sizeLabel: "requests under way",
  costLabel: "time for one",
  sizes: [1, 2, 4, 8, 16, 32, 64],
  lines: [
    .reads("AioGSource, io_uring", isOurs: true) { .ours("measure-io", arguments: $0) },
    .reads("a bare ring") { .peer("ring-io", arguments: $0) },
    .reads("libuv's uv_fs_read") { .peer("uv-io", arguments: $0) },
    Picture.Line(name: "qemu-img bench") { .qemuReads("io_uring", depth: $0, count: 60_000) },
  ])

extension Picture.Line {
  fileprivate static func ours(_ name: String, _ row: @escaping @Sendable (Int) -> String) -> Self {
    Self(name: name, isOurs: true) { .ours("measure-loop", row($0)) }
  }

  fileprivate static func peer(
    _ name: String, _ program: String, _ row: @escaping @Sendable (Int) -> String
  ) -> Self {
    Self(name: name) { .peer(program, row($0)) }
  }

  fileprivate static func reads(
    _ name: String, isOurs: Bool = false,
    _ command: @escaping @Sendable (@escaping Command.Arguments) -> Command
  ) -> Self {
    Self(name: name, isOurs: isOurs) { depth in
      command { ["read", try $0.file(bytes: readFileSize), "\(depth)"] }
    }
  }
}
