// A job of the concurrency runtime as a queue has it: the runtime keeps two words in every job for the executor that the
// job is with, so that queueing one costs no allocation. Here they are the next job, and who runs this one.
//
// Where those words are is part of the runtime's binary interface; ExecutorTests.theRuntimeGivesExecutorsTwoWords checks it.
// Whoever has the job may touch them: the enqueuer until it is pushed, the home thread after.

/// Who runs a job: each is told to the runtime as the executor it runs on.
enum JobOwner {
  /// For the context as a serial executor: actors.
  case serialExecutor
  /// For the context as a task executor.
  case taskExecutor
  /// For an executor of its own on the context; it is alive while it has a job.
  case runner(Unmanaged<JobRunner>)
}

/// An executor that shares the queue of a context with others. Home thread.
class JobRunner: @unchecked Sendable {
  /// Runs a job that was enqueued for it.
  func run(_ job: UnownedJob) {}
  /// The job that was running when it became the one to be told (`JobQueue.settling`) has returned.
  func jobReturned(on queue: JobQueue) {}
  /// Its turn has come among those to be entered (`JobQueue.entries`).
  func enterNow(on queue: JobQueue) {}
}

struct QueuedJob {
  private static let nextOffset = 16
  private static let ownerOffset = 24

  let pointer: UnsafeMutableRawPointer

  @inline(__always)
  init(_ pointer: UnsafeMutableRawPointer) { self.pointer = pointer }

  /// An unowned job is the address of one.
  @inline(__always)
  init(_ job: UnownedJob) { pointer = unsafeBitCast(job, to: UnsafeMutableRawPointer.self) }

  @inline(__always)
  var unowned: UnownedJob { unsafeBitCast(pointer, to: UnownedJob.self) }

  @inline(__always)
  var next: QueuedJob? {
    get {
      pointer.load(fromByteOffset: Self.nextOffset, as: UnsafeMutableRawPointer?.self)
        .map { QueuedJob($0) }
    }
    nonmutating set {
      pointer.storeBytes(
        of: newValue?.pointer, toByteOffset: Self.nextOffset, as: UnsafeMutableRawPointer?.self)
    }
  }

  @inline(__always)
  var owner: JobOwner {
    get {
      let word = pointer.load(fromByteOffset: Self.ownerOffset, as: UInt.self)
      switch word {
      case 0: return .serialExecutor
      case 1: return .taskExecutor
      default:
        return .runner(.fromOpaque(UnsafeRawPointer(bitPattern: word).unsafelyUnwrapped))
      }
    }
    nonmutating set {
      let word: UInt
      switch newValue {
      case .serialExecutor: word = 0
      case .taskExecutor: word = 1
      case .runner(let runner): word = UInt(bitPattern: runner.toOpaque())
      }
      pointer.storeBytes(of: word, toByteOffset: Self.ownerOffset, as: UInt.self)
    }
  }
}
