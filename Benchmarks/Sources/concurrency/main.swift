// What tasks cost on a context, beside Swift's default executor and beside callbacks: interleaved runs, medians in
// nanoseconds. Pin it to one CPU: taskset -c 0.
//
//     concurrency FILE [RUNS [ROW]]
//
// ROW is the name of one row, to be measured in a process that has done nothing else: locks are cheaper as long as it has
// a single thread.

import AioGSource
import Glibc
import SystemPackage

guard CommandLine.arguments.count > 1 else {
  print("usage: concurrency FILE [RUNS [ROW]]")
  exit(64)
}
let path = FilePath(CommandLine.arguments[1])
let runs = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 7 : 7
let count = 50_000

let context = try AioContext(name: "benchmark")
let file = try FileDescriptor.open(path, .readOnly)
let buffer = AIOBuffer(count: 64)

/// Two tasks that resume each other, by turns.
final class Relay: @unchecked Sendable {
  var waiting: UnsafeContinuation<Void, Never>?
  var isOver = false

  func pass(_ continuation: UnsafeContinuation<Void, Never>) {
    let other = waiting
    waiting = continuation
    other?.resume()
  }
}

func suspendAndResume() -> Double {
  let relay = Relay()
  return context.measure(2 * count) {
    let other = Task(executorPreference: context.taskExecutor) {
      while !relay.isOver { await withUnsafeContinuation { relay.pass($0) } }
    }
    for _ in 0..<count { await withUnsafeContinuation { relay.pass($0) } }
    relay.isOver = true
    relay.waiting?.resume()
    await other.value
  }
}

func yieldOnTheContext() -> Double {
  context.measure(count) { for _ in 0..<count { await Task.yield() } }
}

func yieldOnTheDefaultExecutor() -> Double {
  measureOnDefaultExecutor(count) { for _ in 0..<count { await Task.yield() } }
}

func enterAndYield() -> Double {
  let coroutine = Coroutine(name: "switch") { while true { await Coroutine.yield() } }
  return context.measure(count) { done in
    for _ in 0..<count { context.enter(coroutine) }
    done()
  }
}

func scheduledHop() -> Double {
  context.measure(count) { done in
    let coroutine = Coroutine(name: "hop") {
      let me = Coroutine.current!
      for _ in 0..<count {
        context.schedule(me)
        await Coroutine.yield()
      }
      done()
    }
    context.schedule(coroutine)
  }
}

func spawnOnTheContext() -> Double {
  context.measure(count / 10) {
    for _ in 0..<count / 10 { await Task(executorPreference: context.taskExecutor) {}.value }
  }
}

/// From the loop's own task, as a program with a loop has it.
func spawnOnTheDefaultExecutor() -> Double {
  context.measure(count / 10) { for _ in 0..<count / 10 { await Task.detached {}.value } }
}

/// From the pool itself, where nothing leaves the pool.
func spawnWithinTheDefaultExecutor() -> Double {
  measureOnDefaultExecutor(count / 10) { for _ in 0..<count / 10 { await Task {}.value } }
}

func awaitedRead() -> Double {
  let engine = context.io
  return context.measure(count) {
    for _ in 0..<count { _ = try? await engine.read(from: file, at: 0, into: buffer) }
  }
}

final class Reader: @unchecked Sendable {
  let engine: AIOEngine
  let done: @Sendable () -> Void
  var left = count

  init(_ engine: AIOEngine, _ done: @escaping @Sendable () -> Void) {
    self.engine = engine
    self.done = done
  }

  func next() {
    left -= 1
    if left < 0 { return done() }
    engine.read(from: file, at: 0, into: buffer) { _ in self.next() }
  }
}

func readWithACallback() -> Double {
  let engine = context.io
  return context.measure(count) { done in Reader(engine, done).next() }
}

let allRows: [(String, () -> Double)] = [
  ("task: suspend and resume, on a context", suspendAndResume),
  ("task: Task.yield, on a context", yieldOnTheContext),
  ("task: Task.yield, on the default executor", yieldOnTheDefaultExecutor),
  ("task: spawn and await, on a context", spawnOnTheContext),
  ("task: spawn on the default executor, await on a context", spawnOnTheDefaultExecutor),
  ("task: spawn and await, within the default executor", spawnWithinTheDefaultExecutor),
  ("coroutine: enter and yield", enterAndYield),
  ("coroutine: schedule and yield", scheduledHop),
  ("read of 64 bytes, awaited", awaitedRead),
  ("read of 64 bytes, with a callback", readWithACallback),
]
let only = CommandLine.arguments.count > 3 ? CommandLine.arguments[3] : nil
let rows = allRows.filter { only == nil || $0.0 == only }
var results = rows.map { _ in [Double]() }
for _ in 0..<runs {
  for (index, row) in rows.enumerated() { results[index].append(row.1()) }
}
print("engine \(context.io.kind), monitor \(context.monitor), \(runs) interleaved runs")
for (index, row) in rows.enumerated() {
  let spread = results[index].sorted()
  let name = row.0.padding(to: 58)
  print("\(name) \(Int(median(spread))) ns  [\(Int(spread.first!)), \(Int(spread.last!))]")
}

extension String {
  func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(width - count, 0))
  }
}
