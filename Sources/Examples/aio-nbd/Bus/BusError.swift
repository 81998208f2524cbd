// Why the server is not on the bus.

import AioGSource
import NBDServer

/// What ``Bus/start(within:)`` throws.
public enum BusError: Error, Hashable, CustomStringConvertible {
  /// There is no session bus, or it refuses.
  case noBus(GLibError)
  /// There may be one, but it does not answer.
  case noAnswer
  /// Another program has the name, another server most likely.
  case nameTaken
  /// Somebody called ``Bus/stop()`` meanwhile.
  case stopped

  public var description: String {
    switch self {
    case .noBus(let error): "the session bus cannot be used: \(error.message)"
    case .noAnswer: "the session bus does not answer"
    case .nameTaken: "another program has the name \(Bus.name) on the session bus"
    case .stopped: "the bus was stopped before it had started"
    }
  }
}

extension ControlError.Kind {
  /// The name of the D-Bus error that a caller gets.
  var busName: String {
    let error =
      switch self {
      case .exists: "Exists"
      case .unknown: "Unknown"
      case .cannotOpen: "CannotOpen"
      case .shuttingDown: "ShuttingDown"
      }
    return "\(BusInterface.name).Error.\(error)"
  }
}
