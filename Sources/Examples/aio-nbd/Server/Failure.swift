// What clients are told of a failed system call: the protocol has few errors, and asks for these.

import NBDProtocol
import SystemPackage

extension NBDError {
  init(_ error: Errno) {
    switch error {
    case .notPermitted, .permissionDenied, .readOnlyFileSystem: self = .permission
    case .noSpace, .diskQuotaExceeded, .fileTooLarge: self = .noSpace
    case .noMemory: self = .noMemory
    case .invalidArgument: self = .invalid
    case .notSupported: self = .notSupported
    default: self = .io
    }
  }
}
