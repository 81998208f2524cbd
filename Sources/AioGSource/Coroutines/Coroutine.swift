// Coroutines as the seed has them, on Swift's tasks.

/// A task that runs on a context from one ``yield()`` to the next, each time somebody schedules, enters or wakes
/// it.
///
/// Between two yields it may await what it likes; what it awaits on its context continues there. Most code needs no
/// coroutine but a task with the context as its executor: they are for those who hand control to each other, and for
/// moving between contexts.
///
/// ```swift
/// let worker = Coroutine(name: "worker") {
///   while let request = requests.next() {
///     await serve(request)
///     await Coroutine.yield()
///   }
/// }
/// context.enter(worker)
/// ```
///
/// A coroutine that nobody resumes any more stays in memory, and what it holds with it.
///
/// Stands for `Coroutine`.
public struct Coroutine: Sendable, Hashable, CustomStringConvertible {
  let core: CoroutineCore

  /// Makes a coroutine, which runs when it is first scheduled or entered. Any thread. Stands for `qemu_coroutine_create`.
  ///
  /// - Parameters:
  ///   - name: what it is called in traps.
  ///   - body: what it does.
  public init(name: String = #function, _ body: @escaping @Sendable () async -> Void) {
    core = CoroutineCore(name: name, body: body)
  }

  init(core: CoroutineCore) { self.core = core }

  /// The name it was made with.
  public var name: String { core.name }

  /// Whether its body has returned. Any thread.
  public var hasEnded: Bool { core.hasEnded }

  /// The coroutine that the calling code runs in; nil in a task that a coroutine has started, and anywhere else.
  ///
  /// Stands for `qemu_coroutine_self` and `qemu_in_coroutine`.
  public static var current: Coroutine? { CoroutineCore.current.map { Coroutine(core: $0) } }

  /// Has the coroutine go on where it was last, on the context where it ran last: at once, when called on the home thread
  /// of that outside a coroutine; after the running coroutine yields, when called inside one of that context; else soon.
  ///
  /// Any thread. It may not have yielded yet: it goes on when it has. Traps where it was never scheduled or entered, where
  /// it is scheduled already, naming both places, and where it has ended. Stands for `aio_co_wake`.
  public func wake(file: StaticString = #fileID, line: UInt = #line) {
    guard let queue = core.queue else {
      preconditionFailure("coroutine '\(name)' was woken before it was scheduled or entered")
    }
    if queue.isRunningHere {
      core.enter(on: queue)
    } else {
      core.schedule(on: queue, from: Place(file, line))
    }
  }

  /// Cancels the coroutine's task: what it awaits ends early, with an error that says so. ``yield()`` does not.
  /// Any thread.
  public func cancel() { core.cancel() }

  /// Has the calling coroutine wait until somebody schedules, enters or wakes it. Traps outside a coroutine.
  ///
  /// On the home thread of its context, be it in an actor's code that runs there. Stands for `qemu_coroutine_yield`.
  nonisolated(nonsending) public static func yield() async {
    guard let core = CoroutineCore.current else {
      preconditionFailure("Coroutine.yield() was called outside a coroutine")
    }
    await core.yield()
  }

  /// Moves the calling coroutine to another context, on whose home thread it goes on. Does nothing where it is there. Traps
  /// outside a coroutine.
  ///
  /// Stands for `aio_co_reschedule_self`.
  nonisolated(nonsending) public static func reschedule(
    on context: AioContext,
    file: StaticString = #fileID, line: UInt = #line
  ) async {
    guard let core = CoroutineCore.current else {
      preconditionFailure("Coroutine.reschedule(on:) was called outside a coroutine")
    }
    await core.reschedule(on: context.jobs, from: Place(file, line))
  }

  /// Whether they are the same coroutine. Any thread.
  public static func == (left: Coroutine, right: Coroutine) -> Bool { left.core === right.core }
  /// By identity. Any thread.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(core)) }
  /// The name. Any thread.
  public var description: String { "Coroutine '\(name)'" }
}

extension AioContext {
  /// Has a coroutine run on this context, in its next pass; those scheduled on one context run in the order in which they
  /// were. It has to have yielded, unless it is this context that it runs on: then it runs once it has.
  ///
  /// Any thread. Traps where it is scheduled already and has not run since, naming both places. Stands for
  /// `aio_co_schedule`.
  public func schedule(
    _ coroutine: Coroutine, file: StaticString = #fileID, line: UInt = #line
  ) {
    coroutine.core.schedule(on: jobs, from: Place(file, line))
  }

  /// Runs a coroutine on this context: at once, to where it first waits, when called on the home thread outside a
  /// coroutine; after the running one yields, ends, or waits, when called inside one of this context; else in the context's
  /// next pass.
  ///
  /// Any thread. The coroutine has to have yielded. Stands for `aio_co_enter`.
  public func enter(_ coroutine: Coroutine, file: StaticString = #fileID, line: UInt = #line) {
    if jobs.isRunningHere {
      coroutine.core.enter(on: jobs)
    } else if AioContext.current === self {
      enterOutsideOfPasses(coroutine)
    } else {
      coroutine.core.schedule(on: jobs, from: Place(file, line))
    }
  }

  /// The home thread, with no pass under way.
  private func enterOutsideOfPasses(_ coroutine: Coroutine) {
    let outer = enter()
    coroutine.core.enterAndRun(on: jobs)
    leave(outer)
    // It may have made requests, or resumed tasks: between GLib's prepare and its poll nobody would look.
    if notifyState.state.isSourceWindowOpen { notifyState.notify() }
  }
}
