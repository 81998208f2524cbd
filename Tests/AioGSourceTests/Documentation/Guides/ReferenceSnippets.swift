// The code in the documentation comments of the library, in the guide BlockIO, and in the README, between the marks: to be
// compiled, and so to be true. What it does is tested elsewhere.

import AioGSource
import CGLib
import SystemPackage

private func anAioContext() throws {
  // snippet
  let context = try AioContext(name: "main")
  try context.attach()
  context.schedule { print("on the loop") }
  MainLoop().run()
  // end of snippet
}

// snippet
actor Disk {
  let context: AioContext
  nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }

  init(on context: AioContext) { self.context = context }
}
// end of snippet

private func aRequest(_ context: AioContext, _ file: FileDescriptor) {
  // snippet
  let buffer = AIOBuffer(count: 4096)
  context.io.read(from: file, at: 0, into: buffer) { result in
    print("\(try! result.get()) bytes")
  }
  // end of snippet
}

private func aRequestAndItsHandle(_ context: AioContext, _ file: FileDescriptor) {
  // snippet
  let buffer = AIOBuffer(count: 4096)
  let request = context.io.read(from: file, at: 0, into: buffer) { result in
    print("\(try! result.get()) bytes")
  }
  // end of snippet
  request.cancel()
}

private func aRequestThatIsCancelled(_ context: AioContext, _ file: FileDescriptor) {
  // snippet
  let buffer = AIOBuffer(count: 4096)  // aligned for O_DIRECT; held by a request until its end
  let request = context.io.read(from: file, at: 0, into: buffer) { result in
    print("\(try! result.get()) bytes")  // on the home thread, in a pass of the loop, exactly once
  }
  request.cancel()  // reaches the kernel; the completion comes all the same
  // end of snippet
}

private func anAwaitedRead(_ context: AioContext, _ file: FileDescriptor) {
  // snippet
  Task(executorPreference: context.taskExecutor) {
    let buffer = AIOBuffer(count: 4096)
    let count = try await context.read(from: file, at: 0, into: buffer)
    print("\(count) bytes")  // still on the home thread, in the pass in which they came
  }
  // end of snippet
}

private func elsewhere(_ context: AioContext) async {
  // snippet
  let count = await context.run { context.statistics.iterations }
  // end of snippet
  _ = count
}

private final class Requests: Sendable {
  struct Request: Sendable {}
  func next() -> Request? { nil }
}

private func serve(_ request: Requests.Request) async {}
private func serve(_ connection: AcceptedConnection) async {}

private func aCoroutine(_ context: AioContext, _ requests: Requests) {
  // snippet
  let worker = Coroutine(name: "worker") {
    while let request = requests.next() {
      await serve(request)
      await Coroutine.yield()
    }
  }
  context.enter(worker)
  // end of snippet
}

private func connections(_ context: AioContext, _ listener: FileDescriptor) async throws {
  // snippet
  for try await connection in context.connections(on: listener) {
    Task(executorPreference: context.taskExecutor) { await serve(connection) }
  }
  // end of snippet
}

private struct File {
  func write(_ bytes: [UInt8]) async throws {}
}

private func mutex(
  _ mutex: AsyncMutex, _ file: File, _ header: [UInt8], _ body: [UInt8]
) async throws {
  // snippet
  try await mutex.withLock {
    try await file.write(header)
    try await file.write(body)
  }
  // end of snippet
}

private struct Entry {}

private func readWriteLock(_ lock: AsyncReadWriteLock, _ key: String) async {
  var table: [String: Entry] = [:]
  func makeEntry() -> Entry { Entry() }
  // snippet
  await lock.withReadLock {
    if table[key] == nil {
      // Others may have written meanwhile, if it had to wait.
      await lock.upgrade()
      table[key] = table[key] ?? makeEntry()
    }
  }
  // end of snippet
}

private func theMainActor() throws {
  // snippet
  try MainActorBridge.install()
  Task { @MainActor in
    try await Task.sleep(for: .seconds(1))
    print("a second later, on the main thread")
  }
  MainLoop().run()
  // end of snippet
}

private func aCallOfGIOs(
  _ file: OpaquePointer
) async throws -> UnsafeMutablePointer<GFileInputStream>? {
  // snippet
  let stream = try await GIO.call(file) { file, cancellable, callback, data in
    g_file_read_async(file, G_PRIORITY_DEFAULT, cancellable, callback, data)
  } finish: { file, result, error in
    g_file_read_finish(file, result, error)
  }
  // end of snippet
  return stream
}

private func anErrorOfGLibs() throws -> UnsafeMutablePointer<CChar>? {
  // snippet
  let address = try withGLibError { g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SESSION, nil, $0) }
  // end of snippet
  return address
}

private func copyInAThread(
  _ source: String, _ destination: String, _ cancellable: UnsafeMutablePointer<GCancellable>
) async throws {}

private func aCancellable(_ source: String, _ destination: String) async throws {
  // snippet
  try await Cancellable.withTaskCancellation { cancellable in
    try await copyInAThread(source, destination, cancellable.pointer)
  }
  // end of snippet
}
