// Signals for tests: sent by a thread to itself, so that the handler has run when the sending returns. The threads of tests
// block all signals.

import Glibc

@testable import AioGSource

enum Signals {
  /// Has the calling thread take these signals.
  static func unblock(_ numbers: [CInt]) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  /// Sends the calling thread a signal, which it takes before this returns.
  static func sendToSelf(_ number: CInt) {
    unblock([number])
    pthread_kill(pthread_self(), number)
  }

  /// Sends the signals, one after the other; when this returns they were handled.
  static func send(_ numbers: CInt...) {
    TestThread {
      for number in numbers { sendToSelf(number) }
    }.join()
  }

  /// What the process does with a signal, while `body` runs.
  static func withDisposition<Value>(
    of number: CInt, _ handler: @escaping @convention(c) (CInt) -> Void, _ body: () throws -> Value
  ) rethrows -> Value {
    var action = Disposition()
    action.__sigaction_handler.sa_handler = handler
    var before = Disposition()
    sigaction(number, &action, &before)
    defer { sigaction(number, &before, nil) }
    return try body()
  }

  static func disposition(of number: CInt) -> Disposition {
    var current = Disposition()
    sigaction(number, nil, &current)
    return current
  }

  typealias Disposition = sigaction
}

extension Signals.Disposition {
  var address: UInt { unsafeBitCast(__sigaction_handler.sa_handler, to: UInt.self) }
}
