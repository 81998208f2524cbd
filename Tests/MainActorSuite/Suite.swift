// The program that MainActorTests starts, once for each mechanism and case: what serves the main actor is chosen for the
// whole process, and the cases need its main thread. Without Foundation; RunLoopSuite is the one with it.
//
//   MainActorSuite --list
//   MainActorSuite --mechanism dispatch CASE
//
// It says which mechanism runs, and ends with 0, or with 1 and a sentence.

import AioGSource
import Glibc

struct Case {
  let name: String
  let run: @MainActor () throws -> Void

  init(_ name: String, _ run: @escaping @MainActor () throws -> Void) {
    self.name = name
    self.run = run
  }
}

@main struct Suite {
  static let cases =
    jobCases + dispatchCases + callbackCases + nestingCases + lifecycleCases + gioCases + idleCases

  @MainActor static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments == ["--list"] {
      for one in cases { print(one.name) }
      return
    }
    guard arguments.count == 3, arguments[0] == "--mechanism",
      let mechanism = MainActorBridge.Mechanism(rawValue: arguments[1]),
      let chosen = cases.first(where: { $0.name == arguments[2] })
    else {
      fail("usage: MainActorSuite --list | --mechanism NAME CASE")
    }
    do {
      try install(mechanism)
      try chosen.run()
    } catch {
      fail("\(chosen.name): \(error)")
    }
  }

  private static func fail(_ sentence: String) -> Never {
    "\(sentence)\n".withCString { _ = write(2, $0, strlen($0)) }
    exit(1)
  }
}

/// The mechanism that was asked for; `reinstall` uses it again.
@MainActor private var demanded = MainActorBridge.Mechanism.dispatch

@MainActor func install(_ mechanism: MainActorBridge.Mechanism) throws {
  demanded = mechanism
  let bridge = try reinstall()
  print("mechanism: \(bridge.mechanism.rawValue)")
  // A case may end in a trap.
  fflush(nil)
}

@MainActor @discardableResult
func reinstall(on mainContext: MainContext = .default) throws -> MainActorBridge {
  switch demanded {
  case .dispatch: try MainActorBridge.install(on: mainContext)
  case .mainExecutor: throw Failure("there is no main executor yet")
  }
}

/// Whether a job that a nested loop is run by lets other jobs run meanwhile.
@MainActor var jobsNest: Bool { demanded == .mainExecutor }
