// Coroutines, tasks, executors and the main actor. The peer is what Swift has without us: its default executor, which is
// Dispatch's pool, and the main queue. All on one CPU, each in a process of its own.

import BenchReport

/// The cheapest way in which a task of the default executor hands over and goes on.
private let taskYield = Command.ours("measure-tasks", "task.yield", "--default")

let taskRows: [Row] = [
  // Tasks are the coroutines here. A hop is a suspension and what ends it, once through the executor's queue: ours is
  // resumed by another task, of two that do nothing else, and the peer gives up its turn. Then the seed's own way: a
  // Coroutine is entered on the spot, or through the context's queue, and yields.
  Row(
    name: "coroutine.hop", ours: .ours("measure-tasks", "task.switch"),
    peers: [Peer(name: "Task", bar: 2, command: taskYield)]),
  Row(
    name: "coroutine.switch", ours: .ours("measure-tasks", "coroutine.switch"),
    peers: [Peer(name: "Task", command: taskYield)]),
  Row(
    name: "coroutine.schedule", ours: .ours("measure-tasks", "coroutine.schedule"),
    peers: [Peer(name: "Task", command: taskYield)]),
  Row(
    name: "task.yield", ours: .ours("measure-tasks", "task.yield"),
    peers: [Peer(name: "Task", command: taskYield)]),
  // One job through the executor's queue, of a task that another has resumed, beside one closure through the loop's. Both
  // from the loop itself.
  Row(
    name: "executor.hop", ours: .ours("measure-tasks", "task.switch"),
    peers: [
      Peer(name: "SwiftNIO", bar: 1, command: .ours("measure-nio", "executor.hop"))
    ]),
  // Spawned and awaited: within the pool, and from a loop's own task, which then needs two threads.
  Row(
    name: "task.spawn", ours: .ours("measure-tasks", "task.spawn"),
    peers: [Peer(name: "Task", command: .ours("measure-tasks", "task.spawn", "--default"))]),
  Row(
    name: "task.spawn.from-loop", ours: .ours("measure-tasks", "task.spawn"),
    peers: [
      Peer(name: "Task", command: .ours("measure-tasks", "task.spawn.elsewhere", "--default"))
    ]),
  // What awaiting costs: a read of 64 bytes from the page cache, beside the same with a callback.
  Row(
    name: "read.64b.awaited",
    ours: .ours("measure-tasks") { ["read.64b", try $0.file(bytes: 4096)] },
    peers: [
      Peer(
        name: "callback",
        command: .ours("measure-tasks") {
          ["read.64b", try $0.file(bytes: 4096), "--callback"]
        })
    ]),

  // To the main actor from a task that is not its own, and back: the same code, under GLib's main loop with the bridge, with
  // our main executor (which then runs code of no actor too), and in an asynchronous main on libdispatch's main queue.
  Row(
    name: "mainactor.hop", ours: mainActor("hop", "dispatch"),
    peers: [Peer(name: "Dispatch", bar: 0.8, command: .ours("measure-main", "hop"))]),
  Row(
    name: "mainactor.hop.executor", ours: mainActor("hop", "executor-for-all"),
    peers: [Peer(name: "Dispatch", bar: 3, command: .ours("measure-main", "hop"))]),
  // Our main executor for the main actor alone: the task is one of the pool's, as the peer's is.
  Row(
    name: "mainactor.hop.executor-and-pool", ours: mainActor("hop", "executor"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "hop"))]),
  // From a task of a context that the same main loop runs, which is what a program on a context would write.
  Row(
    name: "mainactor.hop.from-context", ours: mainActor("hop-from-context", "dispatch"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "hop"))]),
  Row(
    name: "mainactor.hop.from-context.executor", ours: mainActor("hop-from-context", "executor"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "hop"))]),
  // A task of the main actor, spawned and awaited by another.
  Row(
    name: "mainactor.spawn", ours: mainActor("spawn", "dispatch"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "spawn"))]),
  Row(
    name: "mainactor.spawn.executor", ours: mainActor("spawn", "executor-for-all"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "spawn"))]),
  Row(
    name: "mainactor.spawn.executor-and-pool", ours: mainActor("spawn", "executor"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "spawn"))]),
  // A task of the main actor, resumed by a callback: of a bottom half, or of the main queue.
  Row(
    name: "mainactor.resume", ours: mainActor("resume", "dispatch"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "resume"))]),
  Row(
    name: "mainactor.resume.executor", ours: mainActor("resume", "executor-for-all"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "resume"))]),
  Row(
    name: "mainactor.resume.executor-and-pool", ours: mainActor("resume", "executor"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "resume"))]),
  // The same where the task prefers the context, as the guide has it: nothing goes by way of the pool.
  Row(
    name: "mainactor.resume.preferring", ours: mainActor("resume-preferring", "dispatch"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "resume"))]),
  Row(
    name: "mainactor.resume.preferring.executor", ours: mainActor("resume-preferring", "executor"),
    peers: [Peer(name: "Dispatch", command: .ours("measure-main", "resume"))]),
]

private func mainActor(_ body: String, _ mechanism: String) -> Command {
  .ours("measure-tasks", "mainactor", body, mechanism)
}
