// The signal handler and errno: a write to the event notifier that fails.

import Glibc
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct SignalErrnoTests {
    @Test func theHandlerLeavesErrnoAsItWas() throws {
      let context = try AioContext()
      let signals = try context.signals(SIGUSR1)
      // As if the loop were asleep, so that the schedule writes; and no more goes into the notifier.
      context.notifyState.state.openSourceWindow()
      var most = UInt64.max - 1
      let descriptor = context.notifyState.notifier.fileDescriptor.rawValue
      #expect(write(descriptor, &most, 8) == 8)
      let writes = context.notifyState.wakeUpsSent
      let after = Box<CInt>(0)
      TestThread {
        Signals.unblock([SIGUSR1])
        errno = EXDEV
        pthread_kill(pthread_self(), SIGUSR1)
        after.value = errno
      }.join()
      #expect(after.value == EXDEV)
      #expect(context.notifyState.wakeUpsSent == writes + 1)
      context.notifyState.state.closeSourceWindow()
      context.notifyState.notifier.testAndClear()
      withExtendedLifetime(signals) {}
    }
  }
}
