// The cases of Foundation's main run loop, for RunLoopTests: a program that links Foundation.

import SuiteSupport

@main struct RunLoopSuite {
  @MainActor static func main() {
    runSuite(timerCases + performCases + nestingCases + serviceCases)
  }
}
