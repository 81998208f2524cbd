// Contract 4: the protocol itself, step by step, without a loop.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct NotifyProtocolTests {
    @Test func nobodyIsWrittenToOutsideAWindow() {
      let state = ProtocolUnderTest()
      #expect(state.notify() == .none)
      #expect(state.notify() == .none)
    }

    @Test func aPollWindowIsWrittenToOnce() {
      let state = ProtocolUnderTest()
      #expect(!state.openPollWindow())
      #expect(state.notify() == .write)
      #expect(state.notify() == .none)
      #expect(state.notify() == .none)
      state.closePollWindow()
      #expect(state.notify() == .none)
    }

    @Test func everyWindowIsWrittenToAnew() {
      let state = ProtocolUnderTest()
      for _ in 0..<3 {
        #expect(!state.openPollWindow())
        #expect(state.notify() == .write)
        state.closePollWindow()
        state.accept()
      }
    }

    @Test func aNotificationBeforeTheWindowKeepsThePollFromSleeping() {
      let state = ProtocolUnderTest()
      _ = state.notify()
      #expect(state.openPollWindow())
      state.closePollWindow()
      state.accept()
      #expect(!state.openPollWindow())
      state.closePollWindow()
    }

    @Test func acceptTakesAllNotificationsTogether() {
      let state = ProtocolUnderTest()
      _ = state.notify()
      _ = state.notify()
      #expect(state.isNotified)
      state.accept()
      #expect(!state.isNotified)
    }

    @Test func theSourceWindowIsAFlag() {
      let state = ProtocolUnderTest()
      state.openSourceWindow()
      state.openSourceWindow()
      #expect(state.isSourceWindowOpen)
      state.closeSourceWindow()
      #expect(!state.isSourceWindowOpen)
      #expect(state.notify() == .none)
    }

    @Test func preparingAgainAllowsAnotherWrite() {
      let state = ProtocolUnderTest()
      state.openSourceWindow()
      #expect(state.notify() == .write)
      // GLib went round without check: the first write may have been drained since.
      state.openSourceWindow()
      #expect(state.notify() == .write)
    }

    @Test func aPollInsideASourceWindowOpensAWindowOfItsOwn() {
      let state = ProtocolUnderTest()
      state.openSourceWindow()
      #expect(state.notify() == .write)
      state.accept()
      #expect(!state.openPollWindow())
      #expect(state.notify() == .write)
      state.closePollWindow()
      // One write serves both: the poll writes again if it drained it.
      #expect(state.isSourceWindowOpen)
      #expect(state.notify() == .none)
      state.closeSourceWindow()
    }

    @Test func windowsNest() {
      let state = ProtocolUnderTest()
      _ = state.openPollWindow()
      _ = state.openPollWindow()
      state.closePollWindow()
      #expect(state.isWindowOpen)
      #expect(state.notify() == .write)
      state.closePollWindow()
      #expect(!state.isWindowOpen)
    }
  }
}

/// `#expect` takes its operands apart, which a value that cannot be copied does not allow.
private final class ProtocolUnderTest {
  private let state = NotifyProtocol()
  func notify() -> NotifyProtocol.Action { state.notify() }
  func accept() { state.accept() }
  func openPollWindow() -> Bool { state.openPollWindow() }
  func closePollWindow() { state.closePollWindow() }
  func openSourceWindow() { state.openSourceWindow() }
  func closeSourceWindow() { state.closeSourceWindow() }
  var isWindowOpen: Bool { state.isWindowOpen }
  var isSourceWindowOpen: Bool { state.isSourceWindowOpen }
  var isNotified: Bool { state.isNotified }
}
