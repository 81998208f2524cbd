// The server as a whole: its threads, what it serves, who is connected. The main actor's, on a GMainContext with
// MainActorBridge installed; connections are served on the workers' threads.

import AioGSource
import Glibc
import Logging
import SystemPackage

/// An NBD server.
@MainActor public final class Server {
  public struct Options: Sendable {
    public var endpoint: Endpoint
    /// Threads that serve connections.
    public var threads: Int
    public var engine: EngineChoice
    public var exports = ExportOptions()
    public var limits = Limits()

    public init(endpoint: Endpoint, threads: Int, engine: EngineChoice) {
      self.endpoint = endpoint
      self.threads = threads
      self.engine = engine
    }
  }

  let options: Options
  let log: Logger
  private let clientLog: ClientLog
  let table = ExportTable()
  private let context: AioContext
  private var workers: [Worker] = []
  private var listener: Listener?
  private var accepting: Task<Void, Never>?
  private var isStopping = false
  private let processors = Patience.processors
  private var patience: PollingParameters?

  private struct Client {
    var connection: Connection
    var task: Task<Void, Never>
  }
  private var clients: [UInt64: Client] = [:]
  private var nextIdentifier: UInt64 = 1
  /// Of connections that have ended, by export.
  private var history: [ObjectIdentifier: Counters] = [:]
  /// Called when a connection has come or gone.
  public var onConnection: ((ConnectionStatus, _ isOpen: Bool) -> Void)?

  /// - Parameter context: the main thread's, attached to the default GMainContext.
  public init(_ options: Options, on context: AioContext, log: Logger) {
    self.options = options
    self.context = context
    self.log = log
    clientLog = ClientLog(log)
  }

  /// Where it listens, once it does.
  public var endpoint: Endpoint? { listener?.endpoint }

  /// Starts the threads and listens. Exports are added before, or at any time after.
  public func start() async throws {
    listener = try Listener(options.endpoint)
    for number in 0..<options.threads {
      workers.append(try await Worker(name: "nbd \(number)", engine: options.engine))
    }
    accepting = Task(executorPreference: context.taskExecutor) { await self.accept() }
  }

  // MARK: Connections

  private func accept() async {
    guard let socket = listener?.socket else { return }
    while !isStopping {
      do {
        // They wait, so that the engines do, and not we.
        for try await accepted in context.connections(on: socket, nonBlocking: false) {
          admit(accepted)
        }
        return
      } catch {
        // No descriptor, or no memory: those who wait for one wait.
        log.error("no connection can be accepted: \(error)")
        try? await context.sleep(for: .milliseconds(100))
      }
    }
  }

  private func admit(_ accepted: AcceptedConnection) {
    let peer = accepted.peer.family == AF_UNIX ? "unix" : accepted.peer.description
    let identifier = nextIdentifier
    nextIdentifier += 1
    guard clients.count < options.limits.connections, !isStopping else {
      clientLog.notice(
        "client \(identifier), \(peer): refused, there are \(clients.count) connections")
      try? accepted.descriptor.close()
      return
    }
    let worker = workers.min {
      $0.load.load(ordering: .relaxed) < $1.load.load(ordering: .relaxed)
    }!
    tune(accepted)
    let connection = Connection(
      identifier, accepted.descriptor, from: peer, worker: worker, table: table,
      limits: options.limits, log: clientLog)
    worker.load.add(1, ordering: .relaxed)
    adjustPatience()
    let service = Task(executorPreference: worker.context.taskExecutor) {
      await connection.serve()
    }
    let task = Task(executorPreference: context.taskExecutor) {
      await service.value
      await self.ended(connection)
    }
    clients[identifier] = Client(connection: connection, task: task)
    onConnection?(status(of: connection), true)
  }

  private func adjustPatience() {
    let busy = workers.count { $0.load.load(ordering: .relaxed) > 0 }
    let patience = Patience.parameters(busy: busy, processors: processors)
    if patience == self.patience { return }
    self.patience = patience
    // None of it is negative, which is all that is refused.
    for worker in workers { try? worker.thread.setPolling(patience) }
  }

  private func tune(_ accepted: AcceptedConnection) {
    var value: CInt = 1
    let size = socklen_t(MemoryLayout<CInt>.size)
    if accepted.peer.family == AF_UNIX {
      // More than the usual, for the kernel wakes a sender when three quarters of it are free, and the client is to have
      // something to read until then; and no more than the processor's cache holds of several connections until they have
      // read it (nbd.copy in scripts/bench). TCP sees to that itself.
      value = 768 << 10
      setsockopt(accepted.descriptor.rawValue, SOL_SOCKET, SO_SNDBUF, &value, size)
    } else {
      // Replies are gathered by us, and what is sent is to go.
      setsockopt(accepted.descriptor.rawValue, CInt(IPPROTO_TCP), TCP_NODELAY, &value, size)
      // A client that is gone without a word is not to have a connection for ever.
      setsockopt(accepted.descriptor.rawValue, SOL_SOCKET, SO_KEEPALIVE, &value, size)
    }
  }

  private func ended(_ connection: Connection) {
    connection.worker.load.subtract(1, ordering: .relaxed)
    adjustPatience()
    clients[connection.identifier] = nil
    if let export = connection.export {
      let key = ObjectIdentifier(export)
      if history[key] != nil { history[key]! = history[key]! + connection.traffic.counters }
    }
    onConnection?(status(of: connection), false)
  }

  // MARK: The end

  /// Takes no more clients and no more requests, finishes those that were taken, has all files on their disks, and ends
  /// the threads.
  ///
  /// - Returns: whether all files are on their disks.
  public func stop() async -> Bool {
    isStopping = true
    accepting?.cancel()
    await accepting?.value
    // Its path goes with it.
    listener = nil
    await end(clients.values.map { $0 })
    var isComplete = true
    for export in table.all where await !synchronize(export) { isComplete = false }
    for worker in workers { await worker.thread.shutDown() }
    workers = []
    return isComplete
  }

  private func end(_ ending: [Client]) async {
    for client in ending {
      let connection = client.connection
      connection.worker.context.schedule(name: "stop nbd connection") { connection.stop() }
    }
    for client in ending { await client.task.value }
  }

  private func synchronize(_ export: Export) async -> Bool {
    guard !export.isReadOnly else { return true }
    do throws(Errno) {
      try await context.synchronize(export.file)
      return true
    } catch {
      log.error("\(export.path) could not be flushed: \(error)")
      return false
    }
  }
}

extension Server: ServerControl {
  public var exports: [ExportStatus] {
    table.all.map { status(of: $0) }
  }

  private func status(of export: Export) -> ExportStatus {
    let open = clients.values.filter { $0.connection.export === export }
    let counters = open.reduce(history[ObjectIdentifier(export)] ?? Counters()) {
      $0 + $1.connection.traffic.counters
    }
    return ExportStatus(
      name: export.name, path: export.path.string, size: export.description.size,
      isReadOnly: export.isReadOnly, connections: open.count, counters: counters)
  }

  public var connections: [ConnectionStatus] {
    clients.values.map { status(of: $0.connection) }.sorted { $0.identifier < $1.identifier }
  }

  private func status(of connection: Connection) -> ConnectionStatus {
    ConnectionStatus(
      identifier: connection.identifier, export: connection.export?.name ?? "",
      peer: connection.peer, thread: connection.worker.thread.name,
      requestsInFlight: connection.traffic.requestsInFlight,
      counters: connection.traffic.counters)
  }

  public func addExport(
    path: String, name: String?, isReadOnly: Bool
  ) async throws(ControlError) -> ExportStatus {
    if isStopping { throw ControlError(.shuttingDown, "the server is shutting down") }
    let path = Self.absolute(FilePath(path))
    let name = name ?? path.lastComponent?.string ?? path.string
    let options = options.exports
    // Opening may have to wait for the disk.
    let opened = await context.threadPoolResult { () -> Result<Export, ControlError> in
      do throws(ControlError) {
        return .success(
          try Export(name: name, path: path, isReadOnly: isReadOnly, options: options))
      } catch {
        return .failure(error)
      }
    }
    let export = try opened.get()
    if isStopping { throw ControlError(.shuttingDown, "the server is shutting down") }
    try table.add(export)
    history[ObjectIdentifier(export)] = Counters()
    return status(of: export)
  }

  /// So that it can be shown to those in other directories.
  private static func absolute(_ path: FilePath) -> FilePath {
    guard path.isRelative, let directory = getcwd(nil, 0) else { return path }
    defer { free(directory) }
    return FilePath(platformString: directory).pushing(path)
  }

  public func removeExport(name: String) async throws(ControlError) {
    let export = try table.remove(name)
    await end(clients.values.filter { $0.connection.export === export })
    _ = await synchronize(export)
    history[ObjectIdentifier(export)] = nil
  }
}

extension AioContext {
  /// What `body` returns, on a worker thread.
  fileprivate func threadPoolResult<Value: Sendable>(
    _ body: @escaping @Sendable () -> Value
  ) async -> Value {
    let value = try? await threadPool.submit { body() }
    // Nobody cancels it, and it throws nothing.
    return value ?? body()
  }
}
