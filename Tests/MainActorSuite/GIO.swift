// GIO: an application's own loop, and calls over D-Bus between two ends of a socket pair.

import AioGSource
import CGLib
import Glibc
import SuiteSupport

let gioCases = [
  Case("application", application),
  Case("bus-calls", busCalls),
]

@MainActor private func application() throws {
  let application = g_application_new("org.example.MainActorSuite", G_APPLICATION_NON_UNIQUE)!
  var steps: [String] = []
  let activated = Box<@MainActor () -> Void>({})
  activated.value = {
    g_application_hold(application)
    steps.append("activated")
    Task {
      try await Task.sleep(for: .milliseconds(10))
      await Task.detached {}.value
      steps.append("task")
      g_application_release(application)
    }
  }
  let handler: @Sendable @convention(c) (gpointer?, gpointer?) -> Void = { _, data in
    let body = Unmanaged<Box<@MainActor () -> Void>>.fromOpaque(data!).takeUnretainedValue()
    MainActor.assumeIsolated { body.value() }
  }
  g_signal_connect_data(
    UnsafeMutableRawPointer(application), "activate", unsafeBitCast(handler, to: GCallback.self),
    Unmanaged.passUnretained(activated).toOpaque(), nil, GConnectFlags(rawValue: 0))
  let status = g_application_run(application, 0, nil)
  g_object_unref(UnsafeMutableRawPointer(application))
  try check(status == 0, "g_application_run returned \(status)")
  try check(steps == ["activated", "task"], "\(steps)")
}

@MainActor private func busCalls() throws {
  let peers = try BusPeers()
  var answers: [String] = []
  try runMainLoop { loop in
    Task {
      for index in 0..<50 { answers.append(try await peers.echo("call \(index)")) }
      loop.quit()
    }
  }
  peers.close()
  try check(answers == (0..<50).map { "call \($0)" }, "\(answers.count) answers: \(answers)")
}
