// The cases of the main actor, for MainActorTests. Without Foundation; RunLoopSuite is the one with it.

import SuiteSupport

@main struct MainActorSuite {
  @MainActor static func main() {
    runSuite(
      jobCases + dispatchCases + callbackCases + nestingCases + lifecycleCases + gioCases
        + idleCases)
  }
}
