// A suite: a program that runs one case at a time, for what serves the main actor is chosen for the whole process, and the
// cases need its main thread.
//
//   SUITE --list
//   SUITE --mechanism dispatch CASE
//   SUITE --mechanism mainExecutor:platform CASE
//   SUITE --mechanism mainExecutor:mainContext CASE
//
// It says which mechanism runs, and ends with 0, or with 1 and a sentence.

import AioGSource
import AioGSourceMainExecutor
import Glibc

package struct Case {
  let name: String
  let run: @MainActor () throws -> Void

  package init(_ name: String, _ run: @escaping @MainActor () throws -> Void) {
    self.name = name
    self.run = run
  }
}

/// What `main` of a suite calls.
@MainActor package func runSuite(_ cases: [Case]) {
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments == ["--list"] {
    for one in cases { print(one.name) }
    return
  }
  guard arguments.count == 3, arguments[0] == "--mechanism",
    let chosen = cases.first(where: { $0.name == arguments[2] })
  else {
    fail("usage: \(CommandLine.arguments[0]) --list | --mechanism NAME CASE")
  }
  do {
    try install(setup: arguments[1])
    // A case may end in a trap.
    fflush(nil)
    try chosen.run()
  } catch {
    fail("\(chosen.name): \(error)")
  }
}

/// Installs a mechanism by its name, with what runs code of no actor behind a colon, and says which one runs then.
@MainActor @discardableResult
package func install(setup: String) throws -> MainActorBridge {
  let words = setup.split(separator: ":").map(String.init)
  guard let mechanism = MainActorBridge.Mechanism(rawValue: words[0]) else {
    throw Failure("there is no mechanism \(words[0])")
  }
  demanded = mechanism
  if words.count > 1 {
    guard let executor = MainActorBridge.DefaultExecutor(rawValue: words[1]) else {
      throw Failure("there is no default executor \(words[1])")
    }
    defaultExecutor = executor
  }
  let bridge = try install()
  print("mechanism: \(bridge.mechanism.rawValue)")
  return bridge
}

private func fail(_ sentence: String) -> Never {
  "\(sentence)\n".withCString { _ = write(2, $0, strlen($0)) }
  exit(1)
}

@MainActor private var demanded = MainActorBridge.Mechanism.dispatch
@MainActor private var defaultExecutor = MainActorBridge.DefaultExecutor.platform

/// Installs the mechanism that was asked for; the suite has done so before a case begins.
@MainActor @discardableResult
package func install(
  on mainContext: MainContext = .default, servesRunLoop: Bool = true
) throws -> MainActorBridge {
  switch demanded {
  case .dispatch: try MainActorBridge.install(on: mainContext, servesRunLoop: servesRunLoop)
  case .mainExecutor:
    try MainActorBridge.installExecutor(
      on: mainContext, servesRunLoop: servesRunLoop, defaultExecutor: defaultExecutor)
  }
}

/// Whether a nested loop that a job runs lets other jobs run meanwhile.
@MainActor package var jobsNest: Bool { demanded == .mainExecutor }

/// Whether code that belongs to no actor runs on the main thread.
@MainActor package var everythingIsOnMain: Bool {
  demanded == .mainExecutor && defaultExecutor == .mainContext
}
