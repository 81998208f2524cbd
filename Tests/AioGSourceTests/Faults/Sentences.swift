// The registry: each sentence that the library traps or throws with, and the test that triggers it. SentenceTests sees to
// it that it is whole: a sentence of Sources that is not here fails, and so does one that is here and nowhere else.

struct Sentence {
  enum Proof {
    /// The test file, and what it finds in the message.
    case test(String, String)
    /// There is none, because no caller can bring it about: it guards the library against itself, or the system against
    /// what it does not do.
    case unreachable(String)
  }

  /// Words of it, as they stand in the source, without what is filled in.
  let words: String
  let proof: Proof

  init(_ words: String, in file: String, saying text: String? = nil) {
    self.words = words
    proof = .test(file + ".swift", text ?? words)
  }

  init(_ words: String, unreachable reason: String) {
    self.words = words
    proof = .unreachable(reason)
  }
}

extension Sentence {
  static let traps: [Sentence] = [
    // Contexts and threads.
    .init(
      "was called by another thread than its home thread", in: "HomeThreadTests",
      saying: "was called by another thread"),
    .init("releaseHomeThread() was called in a callback", in: "MisuseTests"),
    .init("was destroyed while", in: "LifecycleTests"),
    .init(
      "was destroyed inside one of its own passes",
      unreachable: "who runs a pass holds the context, GLib included"),
    .init("in a child process that was forked after the context was made", in: "ForkTests"),
    .init(
      "was called in a coroutine, which has to yield", in: "CoroutineTrapTests",
      saying: "was called in a coroutine, which"),
    .init("cannot stop itself", in: "IOThreadTests", saying: "cannot stop"),
    .init("cannot shut itself down", in: "MisuseTests"),
    .init(
      "was called on a thread that has no current context", in: "WaitingTests",
      saying: "was called on a thread that"),
    .init("a lock was released by a thread that does not hold it", in: "HomeThreadTests"),
    .init(
      "a new context is attached already", unreachable: "the thread attaches what it has just made"),
    // Bottom halves, handlers, timers.
    .init("was called after it was deleted", in: "MisuseTests"),
    .init("was scheduled after its AioContext was destroyed", in: "LifecycleTests"),
    .init(
      "was made after its AioContext was destroyed", unreachable: "it takes the context to make one"
    ),
    .init(
      "external clients were enabled more often than they were disabled", in: "ExternalClientTests"),
    .init("was armed after its AioContext was destroyed", in: "LifecycleTests"),
    .init("a clock was disabled from a callback of one of its own timers", in: "ClockTests"),
    .init("ticks every", in: "FailureTests", saying: "were asked for"),
    .init(
      "an epoll monitor is made with its descriptor",
      unreachable: "an initializer that nobody calls"),
    .init("a monitor has a kind", unreachable: "each monitor says what it is"),
    // Requests.
    .init("was called after its AioContext was destroyed", in: "RequestLifetimeTests"),
    .init("a maximum batch of", in: "BatchTests", saying: "it is at least 1"),
    .init("endBatch() was called more often than beginBatch()", in: "BatchTests"),
    .init("a transfer at the negative offset", in: "FailureTests"),
    .init("an allocation at the negative offset", in: "MisuseTests"),
    .init("of a buffer of", in: "FailureTests"),
    .init("a buffer of", in: "MisuseTests", saying: "a buffer of -1 bytes was asked for"),
    .init("a buffer's alignment is a power of two", in: "MisuseTests"),
    .init("is there after", in: "EngineChoiceTests"),
    .init(
      "the threads engine is always to be had", unreachable: "it needs nothing of the kernel's"),
    .init("not an operation of a ring", unreachable: "such requests are given to no ring"),
    // Tasks, coroutines, locks.
    .init(
      "a task was resumed on AioContext", in: "ExecutorTests", saying: "was resumed on AioContext '"
    ),
    .init("code isolated to AioContext", in: "MisuseTests"),
    .init("Coroutine.yield() was called outside a coroutine", in: "CoroutineTrapTests"),
    .init("Coroutine.reschedule(on:) was called outside a coroutine", in: "MisuseTests"),
    .init("was woken before it was scheduled or entered", in: "MisuseTests"),
    .init("was entered by itself", in: "CoroutineTrapTests"),
    .init(
      "was called on another thread than its context's home", in: "CoroutineTrapTests",
      saying: "on another thread than its context's"),
    .init("coroutine '", in: "CoroutineTrapTests", saying: "coroutine '"),
    .init(
      "AsyncMutex '\\(name)' was destroyed while it is locked", in: "AsyncMutexTests",
      saying: "was destroyed while"),
    .init(
      "AsyncMutex '\\(name)' was unlocked while nobody holds it", in: "AsyncMutexTests",
      saying: "was unlocked while nobody holds it"),
    .init(
      "AsyncReadWriteLock '\\(name)' was destroyed while it is locked",
      in: "AsyncReadWriteLockTrapTests",
      saying: "was destroyed while it is locked"),
    .init("was unlocked for reading while nobody reads", in: "AsyncReadWriteLockTrapTests"),
    .init("was unlocked for writing while nobody writes", in: "AsyncReadWriteLockTrapTests"),
    .init(
      "AsyncReadWriteLock '\\(name)' was unlocked while nobody holds it",
      in: "AsyncReadWriteLockTrapTests",
      saying: "was unlocked while nobody holds it"),
    .init("was downgraded while nobody writes", in: "AsyncReadWriteLockTrapTests"),
    .init("was upgraded while nobody reads", in: "AsyncReadWriteLockTrapTests"),
    .init("a waiter suspended twice with one ticket", in: "WaiterQueueTests"),
    .init(
      "two tasks wait for the signals of one subscription", in: "SignalTests",
      saying: "two tasks wait for the signals"),
    // GLib, and the main actor.
    .init(
      "an asynchronous GIO function called its callback twice", in: "GIOCallTests",
      saying: "called its callback twice"),
    .init(
      "an asynchronous GIO function called its callback before", in: "GIOCallTests",
      saying: "called its callback"),
    .init("each kind of call completes in its own way", unreachable: "both kinds override it"),
    .init(
      "a call of a GIO pair ended without a result",
      unreachable: "GIOCallState resumes with one only"),
    .init("ran that task to its end", in: "CancellableTaskTests"),
    .init(
      "a GError was set over another one", in: "GLibErrorTests",
      saying: "a GError was set over another"),
    .init(
      "that serves the main actor was run by another thread", in: "MainActorTests",
      saying: "was run by another thread than"),
    .init(
      "of MainActorBridge was called by another thread than the main thread",
      unreachable: "the compiler lets nobody but the main actor call it"),
    .init(
      "a drain of the main queue ended that had not begun",
      unreachable: "the drain is the library's own"),
    .init(
      "a pass of the run loop ended that had not begun", unreachable: "passes are the library's own"
    ),
    .init(
      "code of the main actor was called on another thread",
      unreachable: "the runtime asks isIsolatingCurrentContext first, and says so itself"),
    .init(
      "can only wait on clocks whose durations are Duration",
      unreachable: "the runtime's own clocks are such, and it takes no others"),
    // The system's.
    .init("pthread_key_create failed", unreachable: "of 1024 keys, one is ours"),
    .init("pthread_atfork failed", unreachable: "out of memory"),
    .init("pthread_mutex_init failed", unreachable: "out of memory"),
    .init(
      "pthread_mutex_lock failed",
      unreachable: "a lock is neither destroyed nor an error-checking one"),
    .init("pthread_cond_init failed", unreachable: "out of memory"),
    .init("timerfd_settime failed", unreachable: "its descriptor and its time are ours"),
  ]

  /// `AioError`'s.
  static let errors: [Sentence] = [
    .init("\\(call) failed:", in: "LifecycleTests", saying: ".system(call:"),
    .init(
      "monitor is not available here", in: "MonitorChoiceTests", saying: ".monitorUnavailable("),
    .init(
      "a handler cannot be set for file descriptor", in: "HandlerTests",
      saying: "AioError.invalidFileDescriptor("),
    .init(
      "is attached to a GMainContext already", in: "AttachmentTests",
      saying: "AioError.alreadyAttached"),
    .init(
      "polling parameters must not be negative", in: "BusyPollingTests",
      saying: "AioError.invalidPollingParameters("),
    .init(
      "engine is not available here", in: "LinuxAIOInjectionTests", saying: ".engineUnavailable("),
    .init(
      "a thread pool has at least one thread", in: "ThreadPoolTests",
      saying: ".invalidThreadLimits("),
    .init("the IOThread was stopped", in: "IOThreadTests", saying: "AioError.stopped"),
    .init(
      "a MainActorBridge is installed already", in: "Lifecycle", saying: ".mainActorBridgeInstalled"
    ),
    .init(
      "this toolchain is not one of those",
      unreachable: "the tests run with those it is known to work with"),
    .init(
      "did not take the main executor",
      unreachable: "the tests run with those it is known to work with"),
  ]
}
