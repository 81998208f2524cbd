// Contract 20.6, 21.3: what the results of a transfer's parts come to, without a kernel.

import Glibc
import SeededRandom
import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct TransferTests {
    static let kinds: [Transfer.Kind] = [.plain, .stream, .positionedRead, .positionedWrite]
    static let positioned: [Transfer.Kind] = [.positionedRead, .positionedWrite]

    private func error(_ code: CInt) -> Int { -Int(code) }

    @Test(arguments: kinds)
    func theWholeAtOnceIsTheResult(_ kind: Transfer.Kind) {
      var transfer = Transfer(kind, length: 4096)
      #expect(transfer.take(4096) == .finish(4096))
    }

    @Test(arguments: positioned)
    func shortResultsAddUp(_ kind: Transfer.Kind) {
      let parts = [1, 511, 512, 513, 4095, 4096, 4097]
      var transfer = Transfer(kind, length: parts.reduce(1, +))
      var sum = 0
      for part in parts {
        #expect(transfer.take(part) == .again)
        sum += part
        #expect(transfer.done == sum)
        #expect(transfer.rest == transfer.length - sum)
      }
      #expect(transfer.take(1) == .finish(transfer.length))
      #expect(transfer.rest == 0)
    }

    @Test func aPartAsLongAsTheWholeCountsOnlyWhatWasLeft() {
      // The short cut for whole transfers must not take the last part for one.
      var transfer = Transfer(.positionedRead, length: 100)
      #expect(transfer.take(40) == .again)
      #expect(transfer.take(100) == .finish(100))
      #expect(transfer.done == 100)
    }

    @Test(arguments: positioned)
    func moreThanWasAskedForIsNotBelieved(_ kind: Transfer.Kind) {
      var transfer = Transfer(kind, length: 100)
      #expect(transfer.take(101) == .finish(100))
      #expect(transfer.rest == 0)
    }

    @Test func aReadEndsWithTheFile() {
      var transfer = Transfer(.positionedRead, length: 100)
      #expect(transfer.take(0) == .finishAtEnd(0))
      transfer = Transfer(.positionedRead, length: 100)
      #expect(transfer.take(30) == .again)
      #expect(transfer.take(0) == .finishAtEnd(30))
      #expect(transfer.rest == 70)
    }

    @Test func aWriteThatDoesNotGetOnHasNoSpace() {
      var transfer = Transfer(.positionedWrite, length: 100)
      #expect(transfer.take(0) == .finish(error(ENOSPC)))
      transfer = Transfer(.positionedWrite, length: 100)
      #expect(transfer.take(99) == .again)
      #expect(transfer.take(0) == .finish(error(ENOSPC)))
    }

    @Test(arguments: positioned)
    func nothingIsTransferredInFull(_ kind: Transfer.Kind) {
      var transfer = Transfer(kind)
      #expect(transfer.take(0) == .finish(0))
    }

    @Test(arguments: [Transfer.Kind.plain, .stream])
    func whatIsNoPositionedTransferIsOverWithItsFirstResult(_ kind: Transfer.Kind) {
      for result in [0, 1, 99, 101] {
        var transfer = Transfer(kind, length: 100)
        #expect(transfer.take(result) == .finish(result))
      }
    }

    @Test func whatIsMadeOnceIsNeverMadeAgain() {
      for code in [EINTR, EAGAIN, EIO] {
        var transfer = Transfer(.once)
        #expect(transfer.take(error(code)) == .finish(error(code)))
      }
    }

    @Test(arguments: kinds)
    func aSignalMeansOnceMoreHoweverOften(_ kind: Transfer.Kind) {
      var transfer = Transfer(kind, length: 100)
      for _ in 0..<1_000 { #expect(transfer.take(error(EINTR)) == .again) }
      #expect(transfer.done == 0)
    }

    @Test func aStreamWaitsWhereThereIsNothingYet() {
      var transfer = Transfer(.stream, length: 100)
      for _ in 0..<1_000 { #expect(transfer.take(error(EAGAIN)) == .awaitReadiness) }
      #expect(transfer.take(7) == .finish(7))
    }

    @Test func nothingElseTakesEAGAINForAnything() {
      var transfer = Transfer(.plain)
      #expect(transfer.take(error(EAGAIN)) == .finish(error(EAGAIN)))
    }

    @Test(arguments: positioned)
    func aLackOfResourcesIsTriedElsewhereAndNotForEver(_ kind: Transfer.Kind) {
      var transfer = Transfer(kind, length: 100)
      for _ in 0..<Transfer.maximumRetries {
        #expect(transfer.take(error(EAGAIN)) == .againElsewhere)
      }
      #expect(transfer.take(error(EAGAIN)) == .finish(error(EAGAIN)))
    }

    @Test(arguments: positioned)
    func progressGivesAllTriesBack(_ kind: Transfer.Kind) {
      var transfer = Transfer(kind, length: 100)
      for part in 1...50 {
        for _ in 0..<Transfer.maximumRetries {
          #expect(transfer.take(error(EAGAIN)) == .againElsewhere)
        }
        #expect(transfer.take(1) == .again)
        #expect(transfer.done == part)
      }
    }

    @Test(arguments: positioned)
    func aSignalGivesNoTriesBack(_ kind: Transfer.Kind) {
      var transfer = Transfer(kind, length: 100)
      for _ in 0..<Transfer.maximumRetries {
        #expect(transfer.take(error(EAGAIN)) == .againElsewhere)
        #expect(transfer.take(error(EINTR)) == .again)
      }
      #expect(transfer.take(error(EAGAIN)) == .finish(error(EAGAIN)))
    }

    @Test func whereTheFileEndsOffTheBlocksARefusalToReadOnIsTheEnd() {
      for done in [1, 511, 513, 4095, 4097] {
        var transfer = Transfer(.positionedRead, length: 8192)
        #expect(transfer.take(done) == .again)
        #expect(transfer.take(error(EINVAL)) == .finishAtEnd(done))
      }
    }

    @Test func anyOtherRefusalIsAnError() {
      for done in [0, 512, 1024, 4096] {
        var transfer = Transfer(.positionedRead, length: 8192)
        if done > 0 { #expect(transfer.take(done) == .again) }
        #expect(transfer.take(error(EINVAL)) == .finish(error(EINVAL)))
      }
      var write = Transfer(.positionedWrite, length: 8192)
      #expect(write.take(511) == .again)
      #expect(write.take(error(EINVAL)) == .finish(error(EINVAL)))
    }

    @Test(arguments: kinds)
    func anErrorIsTheResultWhateverCameBefore(_ kind: Transfer.Kind) {
      for code in [EIO, ECANCELED, ENOSPC, EBADF, ENOMEM, EFBIG] {
        var transfer = Transfer(kind, length: 100)
        #expect(transfer.take(error(code)) == .finish(error(code)))
        if !Self.positioned.contains(kind) { continue }
        transfer = Transfer(kind, length: 100)
        #expect(transfer.take(99) == .again)
        #expect(transfer.take(error(code)) == .finish(error(code)))
      }
    }

    @Test func anyDivisionOfATransferComesToTheWhole() {
      var random = SeededGenerator(seed: 21)
      for _ in 0..<2_000 {
        let length = Int.random(in: 1...10_000, using: &random)
        var transfer = Transfer(.positionedRead, length: length)
        var action = Transfer.Action.again
        while action == .again {
          let part = Int.random(in: 1...transfer.rest, using: &random)
          let before = transfer.done
          action = transfer.take(part)
          // The short cut leaves `done` alone, where nothing looks at it any more.
          if before > 0 { #expect(transfer.done == before + part) }
        }
        #expect(action == .finish(length))
      }
    }
  }
}
