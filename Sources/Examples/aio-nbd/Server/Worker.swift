// A thread that serves connections, and what all of its connections share.

import AioGSource
import Synchronization

/// Which engine carries out requests.
public enum EngineChoice: String, Sendable, CaseIterable {
  /// The best that can be had.
  case auto
  case ioURing = "io_uring"
  case native
  case threads

  fileprivate func engine(of context: AioContext) throws(AioError) -> AIOEngine {
    switch self {
    case .auto: context.io
    case .ioURing: try context.engine(.ioURing)
    case .native: try context.engine(.linuxAIO)
    case .threads: try context.engine(.threads)
    }
  }
}

final class Worker: Sendable {
  let thread: IOThread
  let engine: AIOEngine
  /// On the context only.
  nonisolated(unsafe) let pool = PiecePool()
  /// How many connections it has.
  let load = Atomic<Int>(0)

  var context: AioContext { thread.context }

  /// - Throws: what making the thread throws, and where there is no such engine.
  init(name: String, engine choice: EngineChoice) async throws(AioError) {
    let thread = try IOThread(name: name)
    self.thread = thread
    engine = try await thread.context.run { () throws(AioError) in
      try choice.engine(of: thread.context)
    }
  }
}
