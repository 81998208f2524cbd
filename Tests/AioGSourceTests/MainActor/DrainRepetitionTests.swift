// The state machine that decides whether a drain of the main queue is followed by another, without a queue.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct DrainRepetitionTests {
    @Test func aLookThatFindsNothingIsNotRepeatedSoon() {
      var repetition = DrainRepetition()
      var looks = 0
      for _ in 0..<160 where repetition.shouldLook() {
        looks += 1
        repetition.looked(found: false)
      }
      #expect(looks == 160 / DrainRepetition.looksOnceIn)
    }

    @Test func aLookThatFoundSomethingIsRepeated() {
      var repetition = DrainRepetition()
      repetition.looked(found: true)
      for _ in 0..<100 {
        let looks = repetition.shouldLook()
        #expect(looks)
        repetition.looked(found: true)
      }
      repetition.looked(found: false)
      let looksOnceMore = repetition.shouldLook()
      #expect(!looksOnceMore)
    }
  }
}
