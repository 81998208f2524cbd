// A context as what an actor names for its executor. The executors themselves, and their queue, stand in the room Executors,
// which does not know of contexts. Any thread.

extension AioContext {
  /// The context as a serial executor, for an actor:
  ///
  /// ```swift
  /// actor Disk {
  ///   let context: AioContext
  ///   nonisolated var unownedExecutor: UnownedSerialExecutor { context.unownedExecutor }
  ///
  ///   init(on context: AioContext) { self.context = context }
  /// }
  /// ```
  ///
  /// An actor's code then runs on the context's home thread, at the end of a pass, and may call what is home thread only.
  /// The actor has to hold the context. Any thread.
  public var unownedExecutor: UnownedSerialExecutor {
    serialExecutor.asUnownedSerialExecutor()
  }
}
