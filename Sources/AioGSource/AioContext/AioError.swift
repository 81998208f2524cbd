// What the library throws besides the kernel's own errno.

import SystemPackage

/// An error whose description says which rule was broken, or what could not be had and why.
public enum AioError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A system call failed, and nothing was changed.
  case system(call: String, Errno)
  /// The monitor that was demanded, or any where none was, cannot be had here.
  case monitorUnavailable(MonitorKind, Errno)
  /// A handler was to be set for a descriptor that is negative or not open.
  case invalidFileDescriptor(FileDescriptor)
  /// The context is attached to a GMainContext already.
  case alreadyAttached
  /// A polling parameter is negative.
  case invalidPollingParameters(PollingParameters)
  /// The I/O engine that was demanded cannot be had here.
  case engineUnavailable(EngineKind, Errno)
  /// The limits of a thread pool contradict each other, or allow no thread.
  case invalidThreadLimits(minimum: Int, maximum: Int)
  /// The IOThread was stopped.
  case stopped
  /// The main actor is served by a GMainContext already.
  case mainActorBridgeInstalled
  /// A main executor of the library's cannot be had.
  case mainExecutorUnavailable(MainExecutorObstacle)

  /// The sentence. Any thread.
  public var description: String {
    switch self {
    case .system(let call, let error):
      "\(call) failed: \(error)"
    case .monitorUnavailable(let kind, let error):
      "the \(kind.rawValue) monitor is not available here: \(error)"
    case .invalidFileDescriptor(let descriptor):
      "a handler cannot be set for file descriptor \(descriptor.rawValue), which is not open"
    case .alreadyAttached:
      "the AioContext is attached to a GMainContext already; detach it first"
    case .invalidPollingParameters(let parameters):
      "polling parameters must not be negative: maximum \(parameters.maximum), "
        + "grow \(parameters.grow), shrink \(parameters.shrink)"
    case .engineUnavailable(let kind, let error):
      "the \(kind) engine is not available here: \(error)"
    case .invalidThreadLimits(let minimum, let maximum):
      "a thread pool has at least one thread and no fewer than its minimum of at least zero: "
        + "minimum \(minimum), maximum \(maximum)"
    case .stopped:
      "the IOThread was stopped"
    case .mainActorBridgeInstalled:
      "a MainActorBridge is installed already; remove it first"
    case .mainExecutorUnavailable(.toolchain):
      "this toolchain is not one of those that the main executor is known to work with"
    case .mainExecutorUnavailable(.refused):
      "the concurrency runtime did not take the main executor"
    }
  }
}

/// Why a main executor cannot be had.
public enum MainExecutorObstacle: Hashable, Sendable {
  /// The toolchain is not one of those it is known to work with.
  case toolchain
  /// The concurrency runtime did not take it.
  case refused
}
