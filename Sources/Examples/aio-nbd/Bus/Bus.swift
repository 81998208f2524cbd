// The server on the session bus: its life, from start() to stop(). Main actor, which the default GMainContext has to serve
// (`MainActorBridge`) and which is where GDBus calls; nothing here blocks the loop.
//
// The object is there before the name is, so whoever waits for the name finds it. At the end the name goes first, then the
// calls that are under way are answered, and then the connection is closed. If the bus goes away, there is one line in the
// log, and the server goes on.

import AioGSource
import CGLib
import NBDServer

/// `org.aiogsource.Nbd1` on the session bus, on behalf of a server.
///
/// Whoever may use the session bus, which are programs of the same user, may list, add and remove exports.
@MainActor public final class Bus {
  /// The name on the bus, which is the interface's too.
  nonisolated public static let name = BusInterface.name
  /// The one object.
  nonisolated public static let objectPath = BusInterface.path

  private enum State {
    case idle
    case starting(BusOpening)
    case running(BusConnection)
    case stopping(Task<Void, Never>)
  }

  let control: any ServerControl
  private let log: @MainActor (String) -> Void
  private var state = State.idle
  /// Those that wait for the server.
  private var calls: [UInt64: Task<Void, Never>] = [:]
  private var callsSoFar: UInt64 = 0

  /// One that is not on the bus yet.
  ///
  /// - Parameters:
  ///   - control: what is asked and told; it is kept alive.
  ///   - log: gets a line if the bus goes away.
  public init(control: any ServerControl, log: @escaping @MainActor (String) -> Void) {
    self.control = control
    self.log = log
  }

  /// Whether others can call.
  public var isRunning: Bool {
    if case .running = state { true } else { false }
  }

  /// Connects to the session bus, and takes the name. From the end of that on, until ``stop()`` or the bus's end, the bus
  /// keeps this object alive.
  ///
  /// It may be called again after it has thrown, after ``stop()``, and when the bus went away.
  ///
  /// - Parameter limit: how long that may take.
  public func start(within limit: Duration = .seconds(10)) async throws(BusError) {
    guard case .idle = state else { preconditionFailure("a Bus was started that is not stopped") }
    let opening = BusOpening(for: self)
    state = .starting(opening)
    let deadline = Task {
      try await Task.sleep(for: limit)
      opening.giveUp(with: .noAnswer)
    }
    let outcome = await opening.wait()
    deadline.cancel()
    guard case .starting(let current) = state, current === opening else { throw .stopped }
    state = .idle
    let connection = try outcome.get()
    // Nobody would tell us any more.
    if connection.isClosed { throw .noAnswer }
    state = .running(connection)
  }

  /// Gives the name up, answers the calls that are under way, and leaves the bus. No call comes after it was called; it
  /// returns when the last answer has been written.
  ///
  /// A call that is under way waits for the server: let the server begin its own end before, or beside this. Again, or
  /// where there is nothing to stop: it waits for the end, or does nothing.
  public func stop() async {
    switch state {
    case .idle: break
    case .starting(let opening):
      opening.giveUp(with: .stopped)
      state = .idle
      // It may have been about to start.
      if case .success(let connection) = opening.outcome { await leave(connection) }
    case .running(let connection): await leave(connection)
    case .stopping(let end): await end.value
    }
  }

  private func leave(_ connection: BusConnection) async {
    connection.withdraw()
    let end = Task {
      for call in calls.values { await call.value }
      await connection.close()
      state = .idle
    }
    state = .stopping(end)
    await end.value
  }

  /// The bus closed the connection.
  func connectionWasLost(_ error: GLibError?) {
    guard case .running(let connection) = state else { return }
    connection.withdraw()
    state = .idle
    log("the session bus is gone, and with it \(Bus.name)\(error.map { ": \($0.message)" } ?? "")")
  }

  /// Answers a call when the server has done its part.
  func answer(
    _ invocation: BusInvocation,
    with body: @escaping @MainActor () async throws(ControlError) -> FloatingVariant?
  ) {
    callsSoFar += 1
    let number = callsSoFar
    calls[number] = Task {
      do throws(ControlError) {
        invocation.succeed(try await body())
      } catch {
        invocation.fail(error.kind.busName, error.message)
      }
      calls[number] = nil
    }
  }

  /// Tells who listens; nobody if this does not run.
  func emit(_ signal: String, _ argument: @autoclosure () -> FloatingVariant) {
    guard case .running(let connection) = state else { return }
    connection.emit(signal, Variants.tuple(argument()))
  }
}
