// A suite: a program that runs one case at a time, for what serves the main actor is chosen for the whole process, and the
// cases need its main thread.
//
//   SUITE --list
//   SUITE --mechanism dispatch CASE
//
// It says which mechanism runs, and ends with 0, or with 1 and a sentence.

import AioGSource
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
    let mechanism = MainActorBridge.Mechanism(rawValue: arguments[1]),
    let chosen = cases.first(where: { $0.name == arguments[2] })
  else {
    fail("usage: \(CommandLine.arguments[0]) --list | --mechanism NAME CASE")
  }
  do {
    demanded = mechanism
    let bridge = try install()
    print("mechanism: \(bridge.mechanism.rawValue)")
    // A case may end in a trap.
    fflush(nil)
    try chosen.run()
  } catch {
    fail("\(chosen.name): \(error)")
  }
}

private func fail(_ sentence: String) -> Never {
  "\(sentence)\n".withCString { _ = write(2, $0, strlen($0)) }
  exit(1)
}

@MainActor private var demanded = MainActorBridge.Mechanism.dispatch

/// Installs the mechanism that was asked for; the suite has done so before a case begins.
@MainActor @discardableResult
package func install(
  on mainContext: MainContext = .default, servesRunLoop: Bool = true
) throws -> MainActorBridge {
  switch demanded {
  case .dispatch: try MainActorBridge.install(on: mainContext, servesRunLoop: servesRunLoop)
  case .mainExecutor: throw Failure("there is no main executor yet")
  }
}

/// Whether a nested loop that a job runs lets other jobs run meanwhile.
@MainActor package var jobsNest: Bool { demanded == .mainExecutor }
